/** The shape of the last values, the size of a word. */
const [WIDTH, HEIGHT] = [96, 24];

export function Sparkline({ values }: { values: readonly number[] }) {
  if (values.length < 2) return <span class="muted">–</span>;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = high - low || 1;
  const step = WIDTH / (values.length - 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(HEIGHT - 2 - ((value - low) / range) * (HEIGHT - 4)).toFixed(1)}`);
  const rises = values.at(-1)! >= values[0]!;
  return (
    <svg class={`sparkline ${rises ? 'gain' : 'loss'}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={rises ? 'rising' : 'falling'}>
      <polyline points={points.join(' ')} />
    </svg>
  );
}
