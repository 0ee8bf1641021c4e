// The tracks of a series and a stretch of time in, the columns that a graph draws out.

/** Most values that a graph draws: more would be a smear, and steps are drawn instead, with the most in one minute beside. */
const MOST_CELLS = 1100;

/** The finest track of calls that covers the stretch, as far as anything does. */
function finest(tracks, from, to) {
  const [start, end] = [Math.max(from, tracks.from), Math.min(to, tracks.to)];
  let best = null;
  for (const track of tracks.calls) {
    const covers = track.start <= start && track.end >= end;
    if (covers && (end - start) / track.step <= MOST_CELLS && (!best || track.step < best.step)) best = track;
  }
  return best ?? tracks.calls[0] ?? null;
}

/** The value of a track at a minute; null where it has none. */
function valueAt(track, minute) {
  if (!track || minute < track.start || minute >= track.end) return null;
  return track.values[Math.floor((minute - track.start) / track.step)] ?? null;
}

/** What tracks of one kind and window say of a cell: of several the last, which is the first here. */
function valueIn({ parts }, minute, step) {
  for (const part of parts) {
    const value = minute + step > part.start ? valueAt(part, Math.max(minute, part.start)) : null;
    if (value != null) return value;
  }
  return null;
}

/** The tracks of one kind that are about the same window. */
function ofWindow(tracks, window) {
  return { window, parts: tracks.filter((track) => track.window === window).reverse() };
}

/** The line to draw: that of the window that was judged, or else of the shortest. */
function lineOf(tracks, direction, window) {
  const lines = direction === "down" ? tracks.floor : tracks.line;
  const sorted = [...lines].sort((a, b) => a.window - b.window);
  const line = sorted.find((line) => line.window === window) ?? sorted[0];
  return line ? ofWindow(lines, line.window) : null;
}

/** The mean a minute of the `window` minutes before `end`: what the threshold of such a window is compared with. */
function meanBefore(track, end, window) {
  let total = 0;
  for (let minute = end - window; minute < end; minute += track.step) {
    const calls = valueAt(track, minute);
    if (calls == null) return null;
    total += calls;
  }
  return total / window;
}

/** The band of the window nearest to the steps that are drawn: means over longer steps vary less. Of two as near, the longer. */
function bandFor(tracks, step) {
  const distance = ({ window }) => Math.abs(Math.log(window / step));
  return [...tracks.upper].sort((a, b) => distance(a) - distance(b) || b.window - a.window)[0]?.window ?? null;
}

/** Columns, a place each for every cell from `from` to `to`; the last place closes the last cell. */
function samples(tracks, line, from, to) {
  const track = finest(tracks, from, to);
  const columns = { step: track?.step ?? 60, band: null, minutes: [], calls: [], largest: [], mean: [], expected: [], lower: [], upper: [], line: [] };
  const { step } = columns;
  const band = columns.band = bandFor(tracks, step);
  const [expected, lower, upper] = [ofWindow(tracks.expected, 0), ofWindow(tracks.lower, band), ofWindow(tracks.upper, band)];
  const base = track?.start ?? tracks.from;
  const first = Math.max(base, base + Math.floor((from - base) / step) * step);
  const last = Math.min(track?.end ?? tracks.to, tracks.to, to + step);
  const largest = tracks.largest.find((one) => one.step === step && one.start === track?.start);
  for (let minute = first; minute < last; minute += step) {
    const calls = valueAt(track, minute);
    columns.minutes.push(minute);
    // The last step may reach beyond what was counted.
    columns.calls.push(calls == null ? null : calls / Math.min(step, tracks.to - minute));
    columns.largest.push(step > 1 ? valueAt(largest, minute) : null);
    columns.mean.push(line && step < line.window ? meanBefore(track, minute + step, line.window) : null);
    columns.expected.push(valueIn(expected, minute, step));
    columns.lower.push(valueIn(lower, minute, step));
    columns.upper.push(valueIn(upper, minute, step));
    columns.line.push(line && valueIn(line, minute, step));
  }
  if (columns.minutes.length) {
    for (const [name, column] of Object.entries(columns)) {
      if (name === "minutes") column.push(last); else if (Array.isArray(column)) column.push(column.at(-1));
    }
  }
  return columns;
}
