const { defineJob, defineJobs } = require("millrace/jobs");

const fibonacci = defineJob({ name: "fibonacci", run: function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); } });
module.exports = { fibonacci, default: defineJobs({ jobs: [fibonacci] }) };
