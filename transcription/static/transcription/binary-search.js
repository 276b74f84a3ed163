// Binary search in sorted lists: a day of speech has thousands of lines.

/**
 * The index of the first item for which `test` is true; the list's length if there is none. Every item after the first
 * such item has to pass the test, too.
 * @template T
 * @param {ArrayLike<T>} list
 * @param {(item: T) => boolean} test
 */
export function firstIndex(list, test) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(list[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
