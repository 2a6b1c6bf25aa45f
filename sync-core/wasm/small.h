/* What of SQLite and zstd a phone does not use, left out of its wasm. Forced before every C file of that build (`cargo xtask phone`),
   after what the crates themselves define. */

/* SQLite3 Multiple Ciphers: ChaCha20-Poly1305 is the only cipher that is used. */
#define HAVE_CIPHER_AES_128_CBC 0
#define HAVE_CIPHER_AES_256_CBC 0
#define HAVE_CIPHER_SQLCIPHER 0
#define HAVE_CIPHER_RC4 0
#define HAVE_CIPHER_ASCON128 0
#define HAVE_CIPHER_AEGIS 0

/* SQLite: no full text, no geometry, no sessions, no tables about itself. */
#undef SQLITE_ENABLE_FTS5
#undef SQLITE_ENABLE_RTREE
#undef SQLITE_ENABLE_SESSION
#undef SQLITE_ENABLE_PREUPDATE_HOOK
#undef SQLITE_ENABLE_BYTECODE_VTAB
#undef SQLITE_ENABLE_DBPAGE_VTAB
#undef SQLITE_ENABLE_DBSTAT_VTAB
#undef SQLITE_ENABLE_STMTVTAB
#undef SQLITE_ENABLE_MATH_FUNCTIONS
#undef SQLITE_ENABLE_OFFSET_SQL_FUNC
#undef SQLITE_ENABLE_UNKNOWN_SQL_FUNCTION
#undef SQLITE_ENABLE_COLUMN_METADATA
#undef SQLITE_ENABLE_UNLOCK_NOTIFY
#undef SQLITE_ENABLE_API_ARMOR
#define SQLITE_OMIT_AUTHORIZATION
#define SQLITE_OMIT_COMPILEOPTION_DIAGS
#define SQLITE_OMIT_DECLTYPE
#define SQLITE_OMIT_DESERIALIZE
#define SQLITE_OMIT_GET_TABLE
#define SQLITE_OMIT_INCRBLOB
#define SQLITE_OMIT_PROGRESS_CALLBACK
#define SQLITE_OMIT_TCL_VARIABLE
#define SQLITE_OMIT_TRACE
#define SQLITE_OMIT_UTF16
#define SQLITE_OMIT_WAL
#define SQLITE_UNTESTABLE
/* No statement of the phone needs these. `ALTER TABLE` needs the check of integrity and virtual tables: it looks with them whether the
   rows still fit, which without triggers stops nothing; that of our migrations is tested where SQLite is whole. */
#define SQLITE_OMIT_ANALYZE
#define SQLITE_OMIT_AUTOINCREMENT
#define SQLITE_OMIT_AUTOVACUUM
#define SQLITE_OMIT_COMPLETE
#define SQLITE_OMIT_DATETIME_FUNCS
#define SQLITE_OMIT_EXPLAIN
#define SQLITE_OMIT_FOREIGN_KEY
#define SQLITE_OMIT_GENERATED_COLUMNS
#define SQLITE_OMIT_INTROSPECTION_PRAGMAS
#define SQLITE_OMIT_JSON
#define SQLITE_OMIT_LIKE_OPTIMIZATION
#define SQLITE_OMIT_LOCALTIME
#define SQLITE_OMIT_REINDEX
#define SQLITE_OMIT_SCHEMA_PRAGMAS
#define SQLITE_OMIT_TRIGGER
#define SQLITE_OMIT_VIEW
#define SQLITE_OMIT_XFER_OPT

/* Its parser calls what is left out. A statement that would need it is refused, and not carried out without it. */
#ifdef SQLITE_OS_OTHER
#include <time.h>
#define gmtime(seconds) 0
#define strftime(to, size, format, time) 0
struct sqlite3; struct Parse; struct Token; struct Expr; struct ExprList; struct Select; struct SrcList; struct IdList; struct Upsert;
struct TriggerStep;
static void sqlite3ErrorMsg(struct Parse *, const char *, ...);
static inline void leftOut(struct Parse *p) { sqlite3ErrorMsg(p, "left out of this SQLite"); }
static inline void sqlite3Analyze(struct Parse *p, struct Token *a, struct Token *b) { leftOut(p); }
static inline void sqlite3Reindex(struct Parse *p, struct Token *a, struct Token *b) { leftOut(p); }
static inline void sqlite3CreateView(struct Parse *p, struct Token *a, struct Token *b, struct Token *c, struct ExprList *d,
  struct Select *e, int f, int g) { leftOut(p); }
static inline void sqlite3BeginTrigger(struct Parse *p, struct Token *a, struct Token *b, int c, int d, struct IdList *e,
  struct SrcList *f, struct Expr *g, int h, int i) { leftOut(p); }
static inline void sqlite3FinishTrigger(struct Parse *p, struct TriggerStep *a, struct Token *b) { leftOut(p); }
static inline void sqlite3DropTrigger(struct Parse *p, struct SrcList *a, int b) { leftOut(p); }
static inline void sqlite3DeleteTriggerStep(struct sqlite3 *db, struct TriggerStep *a) {}
static inline struct TriggerStep *sqlite3TriggerUpdateStep(struct Parse *p, struct SrcList *a, struct SrcList *b, struct ExprList *c,
  struct Expr *d, unsigned char e, const char *f, const char *g) { leftOut(p); return 0; }
static inline struct TriggerStep *sqlite3TriggerInsertStep(struct Parse *p, struct SrcList *a, struct IdList *b, struct Select *c,
  unsigned char d, struct Upsert *e, const char *f, const char *g) { leftOut(p); return 0; }
static inline struct TriggerStep *sqlite3TriggerDeleteStep(struct Parse *p, struct SrcList *a, struct Expr *b, const char *c,
  const char *d) { leftOut(p); return 0; }
static inline struct TriggerStep *sqlite3TriggerSelectStep(struct sqlite3 *db, struct Select *a, const char *b, const char *c) {
  return 0;
}
#endif

/* zstd: what a phone sends is small, and the fastest way to compress it is near enough the best. */
#define ZSTD_EXCLUDE_DFAST_BLOCK_COMPRESSOR
#define ZSTD_EXCLUDE_GREEDY_BLOCK_COMPRESSOR
#define ZSTD_EXCLUDE_LAZY_BLOCK_COMPRESSOR
#define ZSTD_EXCLUDE_LAZY2_BLOCK_COMPRESSOR
#define ZSTD_EXCLUDE_BTLAZY2_BLOCK_COMPRESSOR
#define ZSTD_EXCLUDE_BTOPT_BLOCK_COMPRESSOR
#define ZSTD_EXCLUDE_BTULTRA_BLOCK_COMPRESSOR
#define ZSTD_NO_INLINE
#define ZSTD_STRIP_ERROR_STRINGS
#define HUF_FORCE_DECOMPRESS_X1
#define ZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT
