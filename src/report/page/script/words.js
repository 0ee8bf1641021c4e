// Numbers and times in, words for people out: as src/words.rs has them.

function grouped(text) {
  return text.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A positive number with so many digits; what lies in the middle of two goes to the even one, as Rust has it. */
function fixed(number, digits) {
  if ((number * 2 ** (digits + 1)) % 2 !== 1) return number.toFixed(digits);
  const below = Math.floor(number * 10 ** digits);
  return ((below + (below % 2)) / 10 ** digits).toFixed(digits);
}

/** `0`, `0.0018`, `2.1`, `1,440`. */
function figure(number) {
  if (number == null || Number.isNaN(number)) return "–";
  const size = Math.abs(number);
  if (size === 0) return "0";
  if (number < 0) return `−${figure(size)}`;
  if (size >= 99.95) return grouped(fixed(number, 0));
  const trimmed = (digits) => String(Number(fixed(number, digits)));
  if (size >= 0.995) return trimmed(1);
  if (size >= 0.0095) return trimmed(2);
  return size >= 0.000095 ? trimmed(4) : "<0.0001";
}

/** A number that is known to within two parts in a hundred, with no more digits than that. */
function nearly(number) {
  return number == null ? null : Number(number.toPrecision(2));
}

/** Minutes: `5 min`, `2 h 5 min`, `3 d 4 h`. */
function duration(minutes) {
  if (minutes == null) return "–";
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return rest ? `${hours} h ${rest} min` : `${hours} h`;
  return `${rest} min`;
}

/** A minute since 1970: `2026-01-31 23:59`. */
function clock(minute) {
  return new Date(minute * 60000).toISOString().slice(0, 16).replace("T", " ");
}

/** How the rate changed, as people say it: `× 1,700`, `down to 4 %`, `from none`. */
function change(insight) {
  const [now, usual] = [insight.insight_average, insight.baseline_average];
  if (now == null || usual == null) return "–";
  if (usual === 0) return now === 0 ? "–" : "from none";
  const times = now / usual;
  if (times >= 1.995) return `× ${figure(times)}`;
  return times >= 1 ? `+ ${figure((times - 1) * 100)} %` : `− ${figure((1 - times) * 100)} %`;
}

/** `role/ci-deployer` for an ARN. */
function shortIdentity(identity) {
  const parts = identity.split(":");
  if (parts[0] !== "arn" || parts.length < 6) return identity;
  const names = parts.slice(5).join(":").split("/");
  if (names.length < 2) return names[0];
  return names[0] === "assumed-role" ? `role/${names[1]}` : `${names[0]}/${names[names.length - 1]}`;
}

/** `1 insight`, `2 insights`. */
function counted(number, thing) {
  return `${grouped(String(number))} ${thing}${number === 1 ? "" : "s"}`;
}
