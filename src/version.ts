/** The version of this package; the addon must be of the same. */
export const VERSION = "0.1.0";
