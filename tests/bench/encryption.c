/* What encryption at rest costs a phone's store: `cargo xtask bench encryption`. The same SQLite, with SQLite3 Multiple Ciphers, that a
   browser gets (the crate sqlite-wasm-rs), compiled for this machine; the same cipher, key, page size, journal and rows. Writes a store
   with a key and one without in turns, and prints the medians of how large it gets and how long it takes: answers, each in a
   transaction of its own, and photos in rows of 256 KiB; once as a phone writes, and once without waiting for the disk, where nothing
   but the computing is left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "sqlite3mc_amalgamation.h"

enum { TURNS = 5, ANSWERS = 3000, ROWS = 256, ROW_BYTES = 256 * 1024 };
struct cost { double answers_ms, photos_ms, bytes; };

static void check(sqlite3 *db, int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE) {
    fprintf(stderr, "%s\n", sqlite3_errmsg(db));
    exit(1);
  }
}

static void run(sqlite3 *db, const char *sql) { check(db, sqlite3_exec(db, sql, 0, 0, 0)); }

static double now_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static sqlite3 *store(const char *path, int keyed, const char *synchronous) {
  sqlite3 *db;
  char sql[160];
  unlink(path);
  check(0, sqlite3_open(path, &db));
  if (keyed) {
    run(db, "PRAGMA cipher = 'chacha20'");
    run(db, "PRAGMA key = 'raw:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'");
  }
  snprintf(sql, sizeof sql, "PRAGMA page_size = 8192; PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = %s", synchronous);
  run(db, sql);
  run(db, "PRAGMA cache_size = -8192; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY");
  run(db, "CREATE TABLE oplog (dseq INTEGER PRIMARY KEY, hlc INTEGER, kind INTEGER, audit BLOB, round INTEGER, field TEXT, base BLOB,"
          " value BLOB, h BLOB) STRICT; CREATE INDEX oplog_audit ON oplog (audit, dseq);"
          "CREATE TABLE audits (audit BLOB PRIMARY KEY, ops BLOB) STRICT, WITHOUT ROWID;"
          "CREATE TABLE part (id BLOB, at INTEGER, bytes BLOB, PRIMARY KEY (id, at)) STRICT");
  return db;
}

/* An answer is a row of the log and the projection of its audit, as large as that of a visit half done. */
static void answer(sqlite3 *db, sqlite3_stmt *op, sqlite3_stmt *audit, int at, const unsigned char *bytes) {
  unsigned char id[16] = {0};
  memcpy(id, &(int){at / 50}, sizeof(int));
  run(db, "BEGIN IMMEDIATE");
  sqlite3_bind_int(op, 1, at + 1);
  sqlite3_bind_blob(op, 2, id, 16, SQLITE_STATIC);
  sqlite3_bind_blob(op, 3, bytes + at, 120, SQLITE_STATIC);
  sqlite3_bind_blob(op, 4, bytes + at, 32, SQLITE_STATIC);
  check(db, sqlite3_step(op));
  sqlite3_reset(op);
  sqlite3_bind_blob(audit, 1, id, 16, SQLITE_STATIC);
  sqlite3_bind_blob(audit, 2, bytes + at, 6000, SQLITE_STATIC);
  check(db, sqlite3_step(audit));
  sqlite3_reset(audit);
  run(db, "COMMIT");
}

static struct cost turn(const char *path, int keyed, const char *synchronous, const unsigned char *bytes) {
  sqlite3 *db = store(path, keyed, synchronous);
  sqlite3_stmt *op, *audit, *part;
  struct stat file;
  struct cost cost;
  double begun = now_ms();
  check(db, sqlite3_prepare_v2(db, "INSERT INTO oplog VALUES (?1, 1, 2, ?2, 0, 'item', x'', ?3, ?4)", -1, &op, 0));
  check(db, sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO audits VALUES (?1, ?2)", -1, &audit, 0));
  check(db, sqlite3_prepare_v2(db, "INSERT INTO part VALUES (x'01', ?1, ?2)", -1, &part, 0));
  for (int at = 0; at < ANSWERS; at++) answer(db, op, audit, at, bytes);
  cost.answers_ms = now_ms() - begun;
  begun = now_ms();
  for (int at = 0; at < ROWS; at++) {
    /* A photo has eight rows. */
    if (at % 8 == 0) run(db, "BEGIN IMMEDIATE");
    sqlite3_bind_int(part, 1, at);
    sqlite3_bind_blob(part, 2, bytes + at, ROW_BYTES, SQLITE_STATIC);
    check(db, sqlite3_step(part));
    sqlite3_reset(part);
    if (at % 8 == 7) run(db, "COMMIT");
  }
  cost.photos_ms = now_ms() - begun;
  sqlite3_finalize(op), sqlite3_finalize(audit), sqlite3_finalize(part);
  check(db, sqlite3_close(db));
  stat(path, &file);
  cost.bytes = (double)file.st_size;
  unlink(path);
  return cost;
}

static int by_size(const void *one, const void *other) {
  double it = *(const double *)one - *(const double *)other;
  return (it > 0) - (it < 0);
}

static void told(const char *what, double plain[TURNS], double keyed[TURNS]) {
  qsort(plain, TURNS, sizeof(double), by_size);
  qsort(keyed, TURNS, sizeof(double), by_size);
  double one = plain[TURNS / 2], other = keyed[TURNS / 2];
  printf("%-34s %14.0f %14.0f %+8.1f %%\n", what, one, other, (other / one - 1) * 100);
}

int main(int count, char **arguments) {
  const char *path = count > 1 ? arguments[1] : "encryption.db";
  unsigned char *bytes = malloc(ROW_BYTES + ANSWERS + 6000);
  if (!bytes) return 1;
  sqlite3_randomness(ROW_BYTES + ANSWERS + 6000, bytes);
  printf("%-34s %14s %14s\n", "medians of 5 turns", "without a key", "with a key");
  for (int waits = 1; waits >= 0; waits--) {
    double answers[2][TURNS], photos[2][TURNS], sizes[2][TURNS];
    for (int at = 0; at < 2 * TURNS; at++) {
      struct cost cost = turn(path, at % 2, waits ? "FULL" : "OFF", bytes);
      answers[at % 2][at / 2] = cost.answers_ms, photos[at % 2][at / 2] = cost.photos_ms, sizes[at % 2][at / 2] = cost.bytes;
    }
    told(waits ? "3000 answers, ms" : "the same without the disk, ms", answers[0], answers[1]);
    told(waits ? "64 MiB of photos, ms" : "the same without the disk, ms", photos[0], photos[1]);
    if (waits) told("the store, bytes", sizes[0], sizes[1]);
  }
  free(bytes);
  return 0;
}
