// The demo: jobs beside the same work on the main thread, or, with --durable, jobs in a file that survive being killed.

await import(process.argv.includes("--durable") ? "./durable.js" : "./demo.js");
