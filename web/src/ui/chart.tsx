/** A line chart over time that follows its data and its place's size, in the theme's colours. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { theme } from '../theme';

export interface Line {
  name: string;
  /** Milliseconds since 1970 and values, in order of time. */
  points: readonly (readonly [number, number])[];
  /** A colour of the theme. */
  colour: '--accent' | '--good' | '--muted';
  fill?: boolean;
}

export function Chart({ label, lines, height = 260 }: { label: string; lines: Line[]; height?: number }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const colours = theme.value;
  const data = align(lines);
  useEffect(() => {
    const at = place.current!;
    const plot = new uPlot(options(lines, at.clientWidth, height), align(lines), at);
    chart.current = plot;
    const watch = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height }));
    watch.observe(at);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [colours, height, lines.length]);
  useEffect(() => chart.current?.setData(data));
  return <div class="chart" ref={place} role="img" aria-label={`${label}. ${summary(lines)}`} />;
}

/** One column of times for all lines; where a line has no value of that time, the line goes on. */
function align(lines: Line[]): uPlot.AlignedData {
  const tables = lines.map(line => {
    const columns: [number[], number[]] = [[], []];
    for (const [at, value] of line.points) {
      columns[0].push(at / 1_000);
      columns[1].push(value);
    }
    return columns as uPlot.AlignedData;
  });
  return tables.length === 1 ? tables[0]! : uPlot.join(tables);
}

function options(lines: Line[], width: number, height: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
  return {
    width,
    height,
    cursor: { y: false, points: { size: 6 } },
    legend: { live: true },
    axes: [axis, { ...axis, size: 64 }],
    series: [
      {},
      ...lines.map(line => ({
        label: line.name,
        stroke: colour(line.colour),
        fill: line.fill ? `color-mix(in srgb, ${colour(line.colour)} 12%, transparent)` : undefined,
        // Down to the axis, also below zero.
        fillTo: (plot: uPlot) => plot.scales.y!.min ?? 0,
        width: 2,
        spanGaps: true,
        points: { show: false },
      })),
    ],
  };
}

/** For those who cannot see it. */
function summary(lines: Line[]): string {
  const of = ({ name, points }: Line): string => {
    const [first, last] = [points[0], points.at(-1)];
    return first && last ? `${name}: from ${first[1].toFixed(2)} to ${last[1].toFixed(2)}` : `${name}: no points yet`;
  };
  return lines.map(of).join('; ');
}
