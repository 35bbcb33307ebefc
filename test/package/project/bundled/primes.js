export function countPrimes(upTo) {
  let count = 0;
  for (let n = 2; n <= upTo; n += 1) if (isPrime(n)) count += 1;
  return count;
}

function isPrime(n) {
  for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) return false;
  return true;
}
