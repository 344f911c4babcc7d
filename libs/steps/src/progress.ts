/**
 * Whole percents, rounded down, that are done after each of the steps with these weights (finite, 0 or more). They never
 * fall, and the last is 100. Steps count alike if all weights are 0.
 */
export function percentsAfter(weights: readonly number[]): number[] {
  // By the greatest first: the sum of finite weights may be infinite.
  const greatest = Math.max(...weights);
  const shares = weights.map((weight) => (greatest === 0 ? 1 : weight / greatest));
  let sum = 0;
  const sums = shares.map((share) => (sum += share));
  // What is a rounding error below a whole percent is that percent: 0.1 + 0.7 is less than 0.8.
  return sums.map((done) => Math.floor((done / sum) * 100 + 1e-9));
}
