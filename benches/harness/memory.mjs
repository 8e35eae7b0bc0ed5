// What a child process held at most, in MB of 10^6 bytes.

export function peakMegabytes() {
  return (process.resourceUsage().maxRSS * 1024) / 1e6;
}
