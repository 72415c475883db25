/** The letters between what both begin and end with; all of it where hardly anything is shared. */
export function differenceIn(value: string, beside: string): { head: string; odd: string; tail: string } {
  const [mine, others] = [value.toLowerCase(), beside.toLowerCase()];
  const most = Math.min(mine.length, others.length);
  let head = 0;
  while (head < most && mine[head] === others[head]) head += 1;
  let tail = 0;
  while (tail < most - head && mine[mine.length - 1 - tail] === others[others.length - 1 - tail]) tail += 1;
  if (head + tail < value.length / 3) return { head: '', odd: value, tail: '' };
  const end = value.length - tail;
  return { head: value.slice(0, head), odd: value.slice(head, end), tail: value.slice(end) };
}
