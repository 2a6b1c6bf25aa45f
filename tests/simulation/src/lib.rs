//! Phones, an office and the people around them in one process, with everything going wrong on purpose.
//!
//! One seed gives one run, the same every time. Real are `sync-core`, the phone's store (`device`) and the office (`server` and
//! `db` on SQLite, below HTTP's sockets and above everything else). Simulated are the clocks, the network and the disks. After
//! each step the laws are checked against an oracle that knows what each person typed and what was acknowledged; at the end
//! all faults stop, everybody syncs until nobody has anything new, and the rest of the laws is checked. A run that breaks one is
//! shortened to the steps that matter and told as one command.
//!
//! # Laws
//!
//! | law | where | when |
//! |---|---|---|
//! | I1 no loss | `oracle.rs` (what was acknowledged), `world.rs` (a store that opens again), `check.rs` (whatever a working phone recorded, under any name), `renewal.rs` | each step, each restart, each renewal, end |
//! | I2 exactly once | `watch.rs`: what is new in the office follows what was there; `check.rs`: streams and segments | each step, end |
//! | I3 prefix | `oracle.rs` | each step |
//! | I6 cursor | `watch.rs`: a phone has what its cursors count, as the office told it | each exchange |
//! | I4 convergence, I6 cursor, I8 restore | `check.rs`: every phone, one that reads all anew, the office, a rebuild | end |
//! | I5 no silent loss | `renewal.rs`: a renewed phone names as seen only what it holds; `check.rs`: every recorded op, the heads of each field by the oracle's own account, and nothing that is shown nowhere | each renewal, end |
//! | I7 tamper | `adversary.rs`, `wire.rs` (receipts), `check.rs`: every stored segment verifies | when sent, end |
//! | I8 restore | `check.rs`: what phones held of others before a restore (`rights.rs`) | end |
//! | I9 clock | `watch.rs`: a log; `check.rs`: all that the office has | each edit, end |
//! | I10 frozen | `people.rs` (approved audits), `check.rs` (what a submit says) | each step, end |
//! | I11 pin | `watch.rs`, `check.rs`; `versions.rs`: what a move to another version takes back, and what it leaves | each step, each move, end |
//! | I12 permission | `rights.rs`, `watch.rs`, `check.rs`; `photos.rs`: nobody reads the photos of others | each exchange, end, when asked |
//! | I13 blob | `photos.rs`: what a phone cleared is not lost with the office; what was told to be stored is, and hashes to its id; what is approved has its photos; at the end what a phone still has is stored, and what it lost it says | each run of photos, each approval, end |
//! | a redaction is for good | `redaction.rs`: what the office or a phone knows to be redacted stands in none of its bytes, nor does the seed that it could be guessed with; `check.rs`: nothing else is without its value, and every segment still verifies | each redaction, often, end |
//! | the office answers | `office.rs`: whatever anybody asks, as long as it has power | each step |
//! | I14 progress | `world.rs`, `photos.rs`: no honest phone is refused or stops, and one that reaches nobody says so; `slow.rs`: nobody waits for the places of others; `check.rs`: all settles in a few rounds | each exchange, end |
//! | I15 bounds | `wire.rs` (bytes), `world.rs`, `photos.rs` (waits), `slow.rs` (places) | each request, each answer |
//! | I16 durable before send | `wire.rs`: the log has nothing unsynced when a request leaves | each request |
//!
//! What a phone recorded and did not send is excused where it is physically gone: its database was deleted, or is an older one, or
//! a bit of it was turned, so that nobody can tell what it said; visits that such a phone wrote on are for people to settle. Nothing
//! else is excused: not a copied phone, one that was set back or one without its key, nor an office whose files were put back by
//! hand in the same epoch, or that was made from a copy older than a device. What a submit says is not compared where its author
//! had read a log that a restore took from the office, and a second one under that name came in its place.
//!
//! # Faults
//!
//! Each has a switch, in the mixture that follows from the seed, and a count in the report ([`fault::Fault`]); in the first 200
//! seeds each must happen.
//!
//! | fault | injected in |
//! |---|---|
//! | drop, delay, duplicate, reorder, truncated body, lost answer, captive portal, body limit, storms of 429 and 503 | `wire.rs`, for ops and photos alike; a lost answer to a succession in `renewal.rs` |
//! | a proxy that buffers: the first answer comes after the request was sent again and others were served | `wire.rs`, for ops and photos |
//! | half-close after the commit | is the lost answer: the server has what came, the phone hears nothing |
//! | slow-loris: bodies and parts of photos without end, over the office's own places and patience; every place taken | `slow.rs` |
//! | TLS refused by a wrong clock | `wire.rs`, by clocks that are years off (`people.rs`) |
//! | kill between two effects | `world.rs`, for ops and photos |
//! | stopped in the middle of an effect, or frozen, when 30 s in the background are over, and back much later | `world.rs` |
//! | power cut (dropping what was not synced, wholly or write by write), full disk in an edit, an exchange or a checkpoint, `SQLITE_BUSY` | `disk.rs`, armed in `people.rs`, `photos.rs` and `renewal.rs` |
//! | full disk in a photo | `people.rs` |
//! | corrupt page, database deleted, storage evicted, restored from an older copy (with its key and without), cloned, key lost, app downgrade | `people.rs` |
//! | clocks: 10 years, back during an edit, daylight saving, frozen, drift, leap second, new boot | `people.rs` |
//! | server: power cut before and after a commit, in a part of a photo, at rest | `wire.rs`, `people.rs` |
//! | server: a transaction is run again from its beginning, as PostgreSQL does after a serialization failure or a deadlock | `world.rs`, through `db` |
//! | server: a second instance over an older copy answers what brings nothing | `wire.rs` |
//! | server: restored by hand, by command (new epoch and key rotation; photos kept, copied or lost), grown past old cursors, restored to before a device whose log others bring | `people.rs`, `office.rs`; noticed in `check.rs` |
//! | template published whose questions differ, drafts moved to another version while others write on them | `people.rs`, `versions.rs` |
//! | user disabled, device revoked | `people.rs` |
//! | branch moved, role taken and given, re-assigned what is on a phone and what was begun there | `rights.rs` |
//! | photos: part cut or changed on its way, part thrown away, quota, pause, edited, deleted, the same in two visits | `wire.rs`, `photos.rs` |
//! | redaction of a value or a photo, while phones have something unsent, with a power cut, undone by a restore, of what a renewed phone says again | `redaction.rs` |
//! | two devices on one field, return racing an edit, approval racing a late op, void and edit | follow from the schedule; `people.rs` and `check.rs` notice them |
//! | replayed, signed by another key, deleted middle op, flipped bit, back-dated, foreign device, forged run, forged redaction, flood, oversized value, invalid UTF-8, deep CBOR, compression bomb, removed question, swapped photo, blob with another hash | `adversary.rs`, `photos.rs` |
//! | forged receipt | `wire.rs` |
//!
//! Not injected here:
//!
//! | fault | why, and where it is covered |
//! |---|---|
//! | two instances that write, a long transaction that holds numbers of a stream | SQLite has one writer; over PostgreSQL `server/db/tests/contract/feed.rs` shows that nobody reads past a number that may never be, and `transactions.rs` beside it what a real deadlock does |
//! | quota in the middle of a segment | ops have no quota: they are always taken; photos have one |
//! | template withdrawn | the office has no such command: what is released stays. A phone that is told so all the same keeps it for the visits that have it: `sync-core/device/tests/device/versions.rs` |
//! | a photo whose bytes a power cut takes | files of photos lie on the machine's own disk; `sync-core/device/tests` kills there |
//!
//! Of a replica that lags behind a phone cannot tell that the office was not restored: it goes back to where both agree, sends again
//! what it has, and is where it was with the next answer of the office itself. Nothing is lost and nothing stands twice, but each such answer
//! costs what was read since, and rights and redactions reach a phone only with an answer that knows them. So whoever puts a
//! replica behind `/sync/v1/exchange` makes it slower and no safer: the office itself reads where it writes.
#![expect(clippy::indexing_slicing, clippy::as_conversions, reason = "a simulator may stop where it stands")]

pub mod adversary;
pub mod check;
pub mod dice;
pub mod disk;
pub mod fault;
pub mod mutant;
pub mod office;
pub mod oracle;
pub mod people;
pub mod phone;
pub mod photos;
pub mod redaction;
pub mod renewal;
pub mod rights;
pub mod run;
pub mod slow;
pub mod versions;
pub mod vfs;
pub mod watch;
pub mod wire;
pub mod world;
