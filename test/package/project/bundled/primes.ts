export function countPrimes(upTo: number): number {
  let count = 0;
  for (let n = 2; n <= upTo; n += 1) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= n && isPrime; divisor += 1) isPrime = n % divisor !== 0;
    if (isPrime) count += 1;
  }
  return count;
}
