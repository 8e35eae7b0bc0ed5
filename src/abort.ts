/** Abort signals: every call that waits rejects with `signal.reason` once it is aborted. */

/**
 * Waits for a call that knows nothing of signals. On abort, `cancel` is told and the wait ends at
 * once; what the call itself still does is its own affair, and its failure is nobody's surprise.
 */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  call: () => T | PromiseLike<T>,
  cancel?: () => void,
): Promise<T> {
  // Awaited here and below, so that the stack of a failure names its async callers.
  if (!signal) return await call();
  signal.throwIfAborted();
  return await new Promise<T>((resolve, reject) => {
    const stop = (): void => {
      cancel?.();
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    void (async () => call())()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", stop));
  });
}
