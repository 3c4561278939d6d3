// Imported before anything else: the size of libuv's pool is read when the first work is handed to it.
// Its threads mostly sleep, in a sync of the disk: with the four of the default, puts under way keep each other's next call,
// and reads of history, waiting. A size that the environment gives is kept.

const THREADS = "16";

process.env.UV_THREADPOOL_SIZE ??= THREADS;
