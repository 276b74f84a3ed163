// An element's state in words: `data-state` on the element, and of its [data-when="a b"] parts those that name it.

export function setState(element, state) {
  if (element.dataset.state === state && element.dataset.shown === "") return;
  element.dataset.state = state;
  element.dataset.shown = "";
  for (const part of element.querySelectorAll("[data-when]")) {
    part.hidden = !part.dataset.when.split(" ").includes(state);
  }
}

// Puts values into a sentence that the server wrote: fill("Next try in {time}.", {time: "5 s"}).
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
