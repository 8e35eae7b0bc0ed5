/** Leases: what a handle asks for that wants to be the only one to save. */

import { type Duration, durationOf } from "./moments.js";
import { checkKnown, invalid } from "./options.js";

/** `true`, or with the time after which another may take over: milliseconds, or text as `60s`. */
export type LeaseOption = boolean | { readonly ttl?: Duration | undefined };

const TTL = 60_000;

/** How long the lease lasts without a save, in milliseconds; undefined: none is asked for. */
export function leaseOf(lease: LeaseOption | undefined): number | undefined {
  if (lease === undefined || lease === false) return undefined;
  if (lease === true) return TTL;
  if (typeof lease !== "object" || lease === null) {
    throw invalid(`lease must be true or { ttl: "60s" }, not ${String(lease)}.`);
  }
  checkKnown("lease", lease, ["ttl"]);
  const ttl = lease.ttl === undefined ? TTL : durationOf(lease.ttl, "The ttl of a lease");
  if (ttl >= 1) return ttl;
  throw invalid("The ttl of a lease must be at least a millisecond; others would take it at once.");
}
