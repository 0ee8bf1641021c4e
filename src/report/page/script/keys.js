// Keys in, moves through the page out.

function startHelp() {
  const help = byId("help");
  byId("help-open").addEventListener("click", () => help.showModal());
  byId("help-close").addEventListener("click", () => help.close());
}

function startKeys(list) {
  const help = byId("help");
  const move = (by) => {
    if (!state.i) { list.move(by); return; }
    const at = list.shown.findIndex((insight) => insight.id === state.i);
    const next = list.shown[at + by];
    if (next) show({ i: next.id });
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help.open) return;
    const { target } = event;
    const typing = target.matches?.("input, select, textarea");
    if (event.key === "Escape") {
      if (typing) target.blur();
      else if (state.i) show({ i: "" });
      return;
    }
    if (typing) return;
    const inList = target.closest?.("#rows");
    const keys = {
      j: () => move(1), k: () => move(-1),
      "/": () => { if (state.i) show({ i: "" }); byId("search").focus(); byId("search").select(); },
      "?": () => help.showModal(),
    };
    if (inList) { keys.ArrowDown = keys.j; keys.ArrowUp = keys.k; }
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
