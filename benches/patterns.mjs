// What agents do with their lists beside appending, made of the items and heads of a session. Each
// gives its states in order; two runs over equal sessions give equal states.

/** Only the newest half of all items is kept: the oldest leave as new ones come. */
function* window({ base, listKey, items, steps }) {
  const width = Math.ceil(items.length / 2);
  for (const { upto, head } of steps) {
    yield { ...base, ...head, [listKey]: items.slice(Math.max(0, upto - width), upto) };
  }
}

/** When half of all items are in the list, a summary takes the place of its older half. */
function* summary({ base, listKey, items, steps }) {
  const most = Math.ceil(items.length / 2);
  const list = [];
  let before = 0;
  for (const { upto, head } of steps) {
    list.push(...items.slice(before, upto));
    before = upto;
    if (list.length > most) {
      const gone = list.splice(0, list.length >> 1);
      const content = `${gone.length} messages, the last of them at ${upto}`;
      list.unshift({ role: "system", content });
    }
    yield { ...base, ...head, [listKey]: [...list] };
  }
}

/** A reducer's states: new objects along the path of each change, an old item changed by a copy. */
function* reducer({ base, listKey, items, steps }) {
  let state = { ...base, [listKey]: [] };
  let before = 0;
  for (const [index, { upto, head }] of steps.entries()) {
    const list = [...state[listKey], ...items.slice(before, upto)];
    before = upto;
    const at = (index * 7919) % list.length;
    list[at] = { ...list[at], seen: index };
    state = { ...state, ...head, [listKey]: list };
    yield state;
  }
}

/** Every state is a deep copy: no object is ever met again. */
function* clone({ base, listKey, items, steps }) {
  for (const { upto, head } of steps) {
    yield structuredClone({ ...base, ...head, [listKey]: items.slice(0, upto) });
  }
}

export const patterns = { window, summary, reducer, clone };
