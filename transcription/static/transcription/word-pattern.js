// A pattern that finds the words of a query in a text.

/**
 * A regular expression for all places of these words, in any case. Longer words are tried first, as the server does:
 * where "cart" and "car" are both looked for, all of "cart" is found and not its first three letters.
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
