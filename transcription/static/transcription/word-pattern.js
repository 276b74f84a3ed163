// A pattern that finds the words of a query in a text.

/**
 * A regular expression that finds these words, in any case. As on the server, longer words come first: of "cart" and
 * "car", a search for both finds all of "cart", not its first three letters.
 * @param {string[]} words
 */
export function wordPattern(words) {
  const longestFirst = words.toSorted((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escaped).join("|"), "giu");
}

/** @param {string} word */
function escaped(word) {
  return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
