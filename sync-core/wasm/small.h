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
/* No statement of the phone needs these. `ALTER TABLE` would need the check of integrity and virtual tables; how a migration does without
   it is said in migrations/device/0001_store.sql. */
#define SQLITE_OMIT_ALTERTABLE
#define SQLITE_OMIT_ANALYZE
#define SQLITE_OMIT_AUTOINCREMENT
#define SQLITE_OMIT_AUTOMATIC_INDEX
#define SQLITE_OMIT_AUTOVACUUM
#define SQLITE_OMIT_COMPLETE
#define SQLITE_OMIT_DATETIME_FUNCS
#define SQLITE_OMIT_EXPLAIN
#define SQLITE_OMIT_FOREIGN_KEY
#define SQLITE_OMIT_GENERATED_COLUMNS
#define SQLITE_OMIT_INTEGRITY_CHECK
#define SQLITE_OMIT_INTROSPECTION_PRAGMAS
#define SQLITE_OMIT_JSON
#define SQLITE_OMIT_LIKE_OPTIMIZATION
#define SQLITE_OMIT_LOCALTIME
#define SQLITE_OMIT_OR_OPTIMIZATION
#define SQLITE_OMIT_REINDEX
#define SQLITE_OMIT_SCHEMA_PRAGMAS
#define SQLITE_OMIT_TRIGGER
#define SQLITE_OMIT_VIEW
#define SQLITE_OMIT_VIRTUALTABLE
#define SQLITE_OMIT_XFER_OPT

/* Its parser calls what is left out. A statement that would need it is refused, and not carried out without it. */
#ifdef SQLITE_OS_OTHER
#include <time.h>
#define gmtime(seconds) 0
#define strftime(to, size, format, time) 0
struct sqlite3; struct Parse; struct Token; struct Expr; struct ExprList; struct Select; struct SrcList; struct IdList; struct Upsert;
struct TriggerStep; struct sqlite3_value;
static void sqlite3ErrorMsg(struct Parse *, const char *, ...);
static inline void leftOut(struct Parse *p) { sqlite3ErrorMsg(p, "left out of this SQLite"); }
static inline void sqlite3Analyze(struct Parse *p, struct Token *a, struct Token *b) { leftOut(p); }
static inline void sqlite3Reindex(struct Parse *p, struct Token *a, struct Token *b) { leftOut(p); }
static inline void sqlite3AlterRenameTable(struct Parse *p, struct SrcList *a, struct Token *b) { leftOut(p); }
static inline void sqlite3AlterRenameColumn(struct Parse *p, struct SrcList *a, struct Token *b, struct Token *c) { leftOut(p); }
static inline void sqlite3AlterBeginAddColumn(struct Parse *p, struct SrcList *a) { leftOut(p); }
static inline void sqlite3AlterFinishAddColumn(struct Parse *p, struct Token *a) { leftOut(p); }
static inline void sqlite3AlterDropColumn(struct Parse *p, struct SrcList *a, const struct Token *b) { leftOut(p); }
static inline void sqlite3AlterDropConstraint(struct Parse *p, struct SrcList *a, struct Token *b, struct Token *c) { leftOut(p); }
static inline void sqlite3AlterAddConstraint(struct Parse *p, struct SrcList *a, struct Token *b, struct Token *c, const char *d, int e) {
  leftOut(p);
}
static inline void sqlite3AlterSetNotNull(struct Parse *p, struct SrcList *a, struct Token *b, struct Token *c) { leftOut(p); }
static inline void sqlite3VtabBeginParse(struct Parse *p, struct Token *a, struct Token *b, struct Token *c, int d) { leftOut(p); }
static inline void sqlite3VtabFinishParse(struct Parse *p, struct Token *a) { leftOut(p); }
static inline void sqlite3VtabArgInit(struct Parse *p) { leftOut(p); }
static inline void sqlite3VtabArgExtend(struct Parse *p, struct Token *a) { leftOut(p); }
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
/* What has no switch: where it is called, it refuses instead. A declaration and a definition are told from a call by the word that they
   begin with, the type of the first parameter; they stay as they are, and are not linked, since nothing calls them. */
#define WORD_Parse 0, struct Parse
#define WORD_sqlite3 0, struct sqlite3
#define WORD_sha256_ctx 0, sha256_ctx
#define WORD_pParse 1, pParse
#define WORD_db 1, db
#define WORD_ctx 1, ctx
#define INSTEAD(f, refusal, first, ...) INSTEAD_OF(f, refusal, WORD_##first, __VA_ARGS__)
#define INSTEAD_OF(...) INSTEAD_IN(__VA_ARGS__)
#define INSTEAD_IN(f, refusal, is_call, ...) INSTEAD_##is_call(f, refusal, __VA_ARGS__)
#define INSTEAD_0(f, refusal, ...) f(__VA_ARGS__)
#define INSTEAD_1(f, refusal, ...) refusal
#define sqlite3Attach(...) INSTEAD(sqlite3Attach, leftOut(pParse), __VA_ARGS__)
#define sqlite3Detach(...) INSTEAD(sqlite3Detach, leftOut(pParse), __VA_ARGS__)
#define sqlite3AddReturning(...) INSTEAD(sqlite3AddReturning, leftOut(pParse), __VA_ARGS__)
/* A new key. */
#define sqlite3_rekey_v2(...) INSTEAD(sqlite3_rekey_v2, SQLITE_ERROR, __VA_ARGS__)
/* A key made of a password: ours are random, and go in as they are. Nothing may be encrypted with less than that. */
#define sha256_transf(...) INSTEAD(sha256_transf, __builtin_trap(), __VA_ARGS__)
/* `WITH`. */
#define sqlite3CteNew(...) INSTEAD(sqlite3CteNew, (leftOut(pParse), (struct Cte *)0), __VA_ARGS__)
#define resolveFromTermToCte(...) INSTEAD(resolveFromTermToCte, 0, __VA_ARGS__)
#define generateWithRecursiveQuery(...) INSTEAD(generateWithRecursiveQuery, leftOut(pParse), __VA_ARGS__)
/* Window functions: each statement asks whether it has some, by the first of these. */
#define sqlite3WindowRewrite(...) INSTEAD(sqlite3WindowRewrite, (p->pWin ? (leftOut(pParse), 1) : 0), __VA_ARGS__)
#define sqlite3WindowCodeInit(...) INSTEAD(sqlite3WindowCodeInit, leftOut(pParse), __VA_ARGS__)
#define sqlite3WindowCodeStep(...) INSTEAD(sqlite3WindowCodeStep, leftOut(pParse), __VA_ARGS__)
#define sqlite3WindowFunctions(first) WINDOW_FUNCTIONS_##first
#define WINDOW_FUNCTIONS_void sqlite3WindowFunctions(void)
#define WINDOW_FUNCTIONS_ (void)0
/* `VACUUM`, whose second parameter tells, since a call begins with no word. */
static inline int vacuumLeftOut(struct sqlite3 *db, int schema, struct sqlite3_value *to) { return 1; }
#define sqlite3Vacuum(...) INSTEAD(sqlite3Vacuum, leftOut(pParse), __VA_ARGS__)
#define sqlite3RunVacuum(first, second, ...) RUN_VACUUM_##second, __VA_ARGS__)
#define RUN_VACUUM_sqlite3 sqlite3RunVacuum(char **pzErrMsg, struct sqlite3
#define RUN_VACUUM_db vacuumLeftOut(db

/* SQL functions that nothing asks for: SQLite's table of them takes these by their names, and what defines them gets another. */
struct sqlite3_context;
void sqlite3_result_error(struct sqlite3_context *, const char *, int);
#define SQL_FUNCTION(f) static void f(struct sqlite3_context *c, int n, struct sqlite3_value **v) { \
  sqlite3_result_error(c, "left out of this SQLite", -1); }
SQL_FUNCTION(charFunc) SQL_FUNCTION(concatFunc) SQL_FUNCTION(concatwsFunc) SQL_FUNCTION(errlogFunc) SQL_FUNCTION(groupConcatInverse)
SQL_FUNCTION(groupConcatStep) SQL_FUNCTION(hexFunc) SQL_FUNCTION(instrFunc) SQL_FUNCTION(likeFunc) SQL_FUNCTION(lowerFunc)
SQL_FUNCTION(printfFunc) SQL_FUNCTION(quoteFunc) SQL_FUNCTION(randomBlob) SQL_FUNCTION(replaceFunc) SQL_FUNCTION(roundFunc)
SQL_FUNCTION(signFunc) SQL_FUNCTION(sqlite3mcCodecDataSql) SQL_FUNCTION(sqlite3mcConfigParams) SQL_FUNCTION(substrFunc)
SQL_FUNCTION(sumInverse) SQL_FUNCTION(trimFunc) SQL_FUNCTION(unhexFunc) SQL_FUNCTION(unicodeFunc) SQL_FUNCTION(unistrFunc)
SQL_FUNCTION(upperFunc) SQL_FUNCTION(zeroblobFunc)
#define charFunc(...) charFuncAsItWas(__VA_ARGS__)
#define concatFunc(...) concatFuncAsItWas(__VA_ARGS__)
#define concatwsFunc(...) concatwsFuncAsItWas(__VA_ARGS__)
#define errlogFunc(...) errlogFuncAsItWas(__VA_ARGS__)
#define groupConcatInverse(...) groupConcatInverseAsItWas(__VA_ARGS__)
#define groupConcatStep(...) groupConcatStepAsItWas(__VA_ARGS__)
#define hexFunc(...) hexFuncAsItWas(__VA_ARGS__)
#define instrFunc(...) instrFuncAsItWas(__VA_ARGS__)
#define likeFunc(...) likeFuncAsItWas(__VA_ARGS__)
#define lowerFunc(...) lowerFuncAsItWas(__VA_ARGS__)
#define printfFunc(...) printfFuncAsItWas(__VA_ARGS__)
#define quoteFunc(...) quoteFuncAsItWas(__VA_ARGS__)
#define randomBlob(...) randomBlobAsItWas(__VA_ARGS__)
#define replaceFunc(...) replaceFuncAsItWas(__VA_ARGS__)
#define roundFunc(...) roundFuncAsItWas(__VA_ARGS__)
#define signFunc(...) signFuncAsItWas(__VA_ARGS__)
#define sqlite3mcCodecDataSql(...) sqlite3mcCodecDataSqlAsItWas(__VA_ARGS__)
#define sqlite3mcConfigParams(...) sqlite3mcConfigParamsAsItWas(__VA_ARGS__)
#define substrFunc(...) substrFuncAsItWas(__VA_ARGS__)
#define sumInverse(...) sumInverseAsItWas(__VA_ARGS__)
#define trimFunc(...) trimFuncAsItWas(__VA_ARGS__)
#define unhexFunc(...) unhexFuncAsItWas(__VA_ARGS__)
#define unicodeFunc(...) unicodeFuncAsItWas(__VA_ARGS__)
#define unistrFunc(...) unistrFuncAsItWas(__VA_ARGS__)
#define upperFunc(...) upperFuncAsItWas(__VA_ARGS__)
#define zeroblobFunc(...) zeroblobFuncAsItWas(__VA_ARGS__)
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
