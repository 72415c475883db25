/** Where two texts differ: words first, then the letters of words that are nearly the same. */

export interface Piece {
  /** Where it begins in the text. */
  at: number;
  text: string;
  odd: boolean;
}

/** The pieces of `value` in order, with what `beside` does not have marked as odd; small and capital letters count as the same. */
export function differenceIn(value: string, beside: string): Piece[] {
  const others = foldedWords(beside);
  const mine = foldedWords(value);
  const left = others.filter((word) => !mine.includes(word));
  // The same words in another order: a day and a month, a given and a family name.
  const swapped = mine.toSorted().join() === others.toSorted().join();
  let nth = 0;
  const pieces: Piece[] = [];
  let at = 0;
  const add = (text: string, odd: boolean): void => {
    if (text === '') return;
    const last = pieces.at(-1);
    if (last?.odd === odd) last.text += text;
    else pieces.push({ at, text, odd });
    at += text.length;
  };
  for (const [part] of value.matchAll(/[\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]+/gu)) {
    const word = part.toLowerCase();
    const isWord = /[\p{L}\p{N}\p{M}]/u.test(part);
    if (!isWord || others.includes(word)) {
      add(part, isWord && swapped && others[nth] !== word);
      if (isWord) nth += 1;
      continue;
    }
    nth += 1;
    const { head, tail } = bestShared(word, left);
    add(part.slice(0, head), false);
    add(part.slice(head, part.length - tail), true);
    add(part.slice(part.length - tail), false);
  }
  return pieces;
}

const foldedWords = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];

/** Letters that a word begins and ends with as one of the others does: of the one that shares most, and at least half of both. */
function bestShared(word: string, others: string[]): { head: number; tail: number } {
  let best = { head: 0, tail: 0 };
  for (const other of others) {
    const most = Math.min(word.length, other.length);
    let head = 0;
    while (head < most && word[head] === other[head]) head += 1;
    let tail = 0;
    while (tail < most - head && word[word.length - 1 - tail] === other[other.length - 1 - tail]) tail += 1;
    const shared = head + tail;
    if (shared > best.head + best.tail && shared * 2 >= Math.max(word.length, other.length)) best = { head, tail };
  }
  return best;
}
