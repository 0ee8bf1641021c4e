// A graph as it is shown in, a picture with its title and its key out, for those who have no page to ask.

/** How each entry of the key is drawn: its colour, and the dashes of a line; areas have the colours of inside and edge. */
const SWATCHES = {
  "k-calls": ["calls", []],
  "k-threshold": ["threshold", [6, 4]],
  "k-mean": ["threshold", [1.5, 2.5]],
  "k-largest": ["calls", [1.5, 2.5]],
  "k-band": ["band-edge", null, "band"],
  "k-episode": ["episode-edge", null, "episode"],
};

/** Draws the left end of an entry at a place. */
function swatch(pen, [line, dashes, area], x, y, width) {
  pen.strokeStyle = colour(line);
  pen.lineWidth = 2;
  pen.setLineDash(dashes ?? []);
  if (area) {
    pen.fillStyle = colour(area);
    pen.fillRect(x, y - 5, width, 10);
    pen.lineWidth = 1;
  }
  // A band has edges above and below, what was unusual has them at its sides.
  const lines = !area ? [[0, 0, width, 0]] : area === "band" ? [[0, -5, width, -5], [0, 5, width, 5]] : [[0, -5, 0, 5], [width, -5, width, 5]];
  for (const [left, top, right, bottom] of lines) {
    pen.beginPath();
    pen.moveTo(x + left, y + top);
    pen.lineTo(x + right, y + bottom);
    pen.stroke();
  }
  pen.setLineDash([]);
}

/** The places of the entries of a key in lines that fit: `[entry, x, line]`. */
function laidOut(pen, entries, width) {
  const [swatch_width, gap] = [22, 18];
  let [x, line] = [0, 0];
  return entries.map((entry) => {
    const own = swatch_width + 6 + pen.measureText(entry.text).width;
    if (x > 0 && x + own > width) [x, line] = [0, line + 1];
    const placed = { ...entry, x, line, swatch_width };
    x += own + gap;
    return placed;
  });
}

/** The canvas of a graph, between its name and its key. */
function pictureOf({ plot, insight, range, key }) {
  const [from, scale, margin] = [plot.ctx.canvas, devicePixelRatio, 12];
  const width = from.width / scale;
  const entries = [...key.children].filter((item) => !item.hidden).map((item) => ({ of: SWATCHES[item.className], text: item.textContent }));
  const picture = el("canvas", { width: from.width, height: 0 });
  const pen = picture.getContext("2d");
  const font = "12px system-ui, sans-serif";
  pen.font = font;
  const placed = laidOut(pen, entries, width - 2 * margin);
  const [above, below] = [56, 20 * (placed.at(-1).line + 1) + 14];
  // A new size clears what was set before.
  picture.height = from.height + (above + below) * scale;
  pen.fillStyle = colour("sheet");
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.drawImage(from, 0, above * scale);
  pen.scale(scale, scale);
  pen.fillStyle = colour("text");
  pen.font = "600 15px system-ui, sans-serif";
  const { account, region } = insight.series;
  pen.fillText(printable(insight.name), margin, 22, width - 2 * margin);
  pen.fillStyle = colour("quiet");
  pen.font = font;
  pen.fillText(printable(`${account} ${region}, ${clock(range[0])} to ${clock(range[1])} UTC, a minute`), margin, 42, width - 2 * margin);
  pen.textBaseline = "middle";
  for (const { of, text, x, line, swatch_width } of placed) {
    const y = above + from.height / scale + 12 + 20 * line;
    swatch(pen, of, margin + x, y, swatch_width);
    pen.fillStyle = colour("quiet");
    pen.fillText(text, margin + x + swatch_width + 6, y, width - 2 * margin - swatch_width - 6);
  }
  return picture;
}
