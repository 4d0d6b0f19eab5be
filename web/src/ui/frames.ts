/** Many changes, one drawing: runs `act` once before the next frame, however often it is asked for. */
export function oncePerFrame(act: () => void): () => void {
  let waits = false;
  const run = (): void => {
    waits = false;
    act();
  };
  return () => {
    if (waits) return;
    waits = true;
    // A hidden page gets no frames and must not fall behind.
    if (document.hidden) setTimeout(run, 250);
    else requestAnimationFrame(run);
  };
}
