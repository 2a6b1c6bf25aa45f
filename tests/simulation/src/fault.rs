//! Everything that a run may do wrong, with a count of how often it did. Owns the names; where each is done is said in the
//! table of `lib.rs`.

use std::fmt;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Something that goes wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    /// The request never arrives.
    Drop = "network: drop",
    /// The request arrives, and again much later.
    Delay = "network: delay",
    /// The request arrives twice at once.
    Duplicate = "network: duplicate",
    /// Late requests arrive in another order than they were sent in.
    Reorder = "network: reorder",
    /// The answer breaks off.
    TruncatedBody = "network: truncated body",
    /// The answer is lost after the server stored what came. A socket that is half closed after the commit is the same to both
    /// ends: the server has what came, the phone hears nothing.
    LostAck = "network: lost answer",
    /// A proxy keeps the answer while the request is sent again and others are served; then the first answer comes, in one piece.
    BufferingProxy = "network: proxy that buffers",
    /// Bodies that come without end hold all places of a device until their time is up.
    SlowBodies = "network: slow-loris",
    /// Bodies that come without end hold every place.
    SlowCrowd = "network: slow-loris, every place taken",
    /// So do parts of photos that come without end hold the turns of a device.
    SlowParts = "network: slow-loris, parts of photos",
    /// The clock is years off, so that the certificate of the server holds no more, or not yet.
    ClockRefused = "network: TLS refused by a wrong clock",
    /// A page of a hotel comes instead of an answer.
    CaptivePortal = "network: captive portal",
    /// A proxy refuses what is larger than it likes, with a page of its own.
    BodyLimit = "network: body limit of a proxy",
    /// The server says that it is asked too often.
    TooMany = "network: storm of 429",
    /// The server says that it is not available.
    Unavailable = "network: storm of 503",
    /// A small body unpacks to a huge one.
    CompressionBomb = "network: compression bomb",
    /// The program is killed between two effects.
    KillBetweenEffects = "client: kill between effects",
    /// The power is cut in the middle of an edit.
    PowerCutInEdit = "client: power cut in an edit",
    /// The power is cut in the middle of an exchange.
    PowerCutInSync = "client: power cut in an exchange",
    /// The power is cut while nothing happens.
    PowerCut = "client: power cut",
    /// There is no room for an edit.
    DiskFullInEdit = "client: disk full in an edit",
    /// There is no room for what an exchange brought.
    DiskFullInSync = "client: disk full in an exchange",
    /// There is no room for a checkpoint.
    DiskFullInCheckpoint = "client: disk full in a checkpoint",
    /// Another program holds the lock.
    Busy = "client: SQLITE_BUSY",
    /// A bit of the database turned.
    CorruptPage = "client: corrupt page",
    /// The system deleted the database and left the key.
    DatabaseDeleted = "client: database deleted",
    /// The system deleted everything.
    StorageEviction = "client: storage evicted",
    /// An older copy of the database is put back.
    DatabaseRestored = "client: database restored",
    /// The database and its key are copied to a second phone.
    DatabaseCloned = "client: database cloned",
    /// Two phones wrote under one name: the second to come goes on as a new one.
    ForkByClone = "client: fork by a clone, renewed",
    /// A phone wrote on where it had been set back to: it goes on as a new one.
    ForkBySetBack = "client: fork by an older database, renewed",
    /// The database that is put back is older than the key beside it.
    BackupWithoutKey = "client: database restored without its key",
    /// The power goes, or there is no room, while a phone becomes a new one.
    TroubleInRenewal = "client: disk trouble in a renewal",
    /// The office was told who goes on for whom, or not, and the phone does not know.
    LostSuccession = "network: lost answer to a succession",
    /// The key is lost.
    KeyLost = "client: key lost",
    /// The system stops the app when its 30 seconds in the background are over, in the middle of an exchange or of photos, and
    /// it comes back much later.
    StoppedInBackground = "client: stopped at 30 s in the background",
    /// The system lets it stand there instead: it comes back with what it had in memory, and its connections are gone.
    FrozenInBackground = "client: frozen at 30 s in the background",
    /// An older app opens the database of a newer one.
    AppDowngrade = "client: app downgrade",
    /// A phone clears a photo that is in a copy kept elsewhere.
    PhotoCleared = "photos: cleared from a phone",
    /// The office is made from that copy, or a later one.
    RestoredAfterCleared = "photos: cleared, and the office restored",
    /// There is no room for a photo.
    DiskFullInPhoto = "client: disk full in a photo",
    /// A part of a photo breaks off on its way.
    PartCut = "photos: part cut anywhere",
    /// A part of a photo is changed on its way.
    PartBent = "photos: part changed on its way",
    /// The program is killed between two effects of the lane.
    KillBetweenParts = "photos: kill between effects",
    /// A photo goes on where another run left it.
    PartGoesOn = "photos: later part",
    /// The server goes off while it takes a part.
    CrashInPart = "photos: crash of the server in a part",
    /// A photo that never came whole is thrown away.
    PartExpired = "photos: partial expired",
    /// A device has sent all it may on a day.
    QuotaReached = "photos: quota reached",
    /// Photos wait for another network.
    PhotosPaused = "photos: paused",
    /// The file is changed after it was hashed.
    PhotoEdited = "photos: edited after hashing",
    /// The system deleted the file.
    PhotoDeleted = "photos: deleted by the system",
    /// One photo is taken for two visits.
    SamePhotoTwice = "photos: the same in two visits",
    /// The server's store of photos is gone when it is restored.
    EvidenceLost = "photos: lost with the server",
    /// An answer, a comment or a remark is taken out of a visit.
    Redaction = "redaction: of a value",
    /// A photo is.
    RedactionOfPhoto = "redaction: of a photo",
    /// It is, while some phone has something on the visit that the server has not.
    RedactionRaces = "redaction: races what is unsent",
    /// The server goes off while it is carried out.
    CrashInRedaction = "redaction: crash of the server",
    /// An office made from an older copy knows nothing of it.
    RedactionUndone = "redaction: undone by a restore",
    /// It names what a renewed phone says again, or has said before.
    RedactedSaidAgain = "redaction: of what a renewed phone says again",
    /// Ten years ahead.
    ClockAhead = "clock: +10 years",
    /// Ten years behind.
    ClockBehind = "clock: -10 years",
    /// A step back between two edits.
    ClockBackInEdit = "clock: back during an edit",
    /// An hour.
    DaylightSaving = "clock: daylight saving",
    /// It stands.
    ClockFrozen = "clock: frozen",
    /// 100 in a million.
    ClockDrift = "clock: drift",
    /// A second.
    LeapSecond = "clock: leap second",
    /// Another boot.
    NewBoot = "clock: new boot id",
    /// The server goes off before a push is durable.
    CrashBeforeCommit = "server: crash before commit",
    /// The server goes off after a push is durable.
    CrashAfterCommit = "server: crash after commit",
    /// The server goes off while nothing happens.
    CrashIdle = "server: crash at rest",
    /// An old copy is put back by hand.
    RestoreSameEpoch = "server: restored, same epoch",
    /// The server is restored with its command.
    RestoreNewEpoch = "server: restored, new epoch and key",
    /// It was restored to before a device was enrolled, whose log another phone brings.
    UnknownDevice = "server: restored to before a device",
    /// After it was restored, it grows past old cursors before anybody asks.
    RestoreAndGrow = "server: restored and grown",
    /// Another transaction was first: what was written is taken back and done again from its beginning.
    RunAgain = "server: transaction run again",
    /// An exchange that brings nothing is answered by a second instance over a copy of the store that lags behind.
    StaleReplica = "server: stale read replica",
    /// A version of the checklist is released while visits are under way.
    TemplatePublished = "server: template published",
    /// A branch changes, and lies in another region.
    BranchMoved = "server: branch moved",
    /// An auditor loses a region.
    RoleTaken = "server: role taken",
    /// An auditor gets a region back.
    RoleGiven = "server: role given",
    /// A person is taken out.
    UserDisabled = "server: user disabled",
    /// A device is revoked.
    DeviceRevoked = "server: device revoked",
    /// Two devices write one field without having seen each other.
    TwoDevicesOneField = "people: two devices, one field",
    /// A visit is returned while its auditor goes on with it.
    ReturnRaces = "people: return races an edit",
    /// A visit is approved while an op on it is on its way.
    ApproveRaces = "people: approval races a late op",
    /// An assignment that is on a phone is taken back and given to another.
    Reassign = "people: re-assigned",
    /// So is one that was begun there and is not on the server.
    ReassignRaces = "people: re-assigned when begun",
    /// A visit is voided on one device and edited on another.
    VoidAndEdit = "people: void and edit",
    /// A visit that is under way is moved to another version of its checklist.
    DraftMoved = "people: draft moved to another version",
    /// Some of its answers no longer fit there.
    AnswerNoLongerFits = "people: answer that no longer fits",
    /// Two devices moved one visit, or one moved it while the other wrote on it.
    MoveRaces = "people: draft moved while another device writes on it",
    /// What was set aside is taken into its visit by a person.
    SetAsideAdopted = "people: set aside, then taken in",
    /// What was set aside is left out by a person.
    SetAsideDismissed = "people: set aside, then left out",
    /// An answer to a question that the checklist does not have.
    RemovedQuestion = "people: answer to a removed question",
    /// What was sent is sent again.
    ReplayedSegment = "adversary: replayed request",
    /// What was sent is signed by another key.
    ResignedSegment = "adversary: signed by another key",
    /// An op is taken out of the middle.
    DeletedOp = "adversary: deleted middle op",
    /// A bit of a segment is turned.
    FlippedBit = "adversary: flipped bit",
    /// Ops that claim to be older than what the server has.
    BackDated = "adversary: back-dated clock",
    /// A device speaks for another.
    ForeignDevice = "adversary: foreign device",
    /// A run of the server's own log that it never wrote.
    ForgedServerRun = "adversary: forged run of the server",
    /// A redaction that the office never said.
    ForgedRedaction = "adversary: forged redaction",
    /// A receipt that the office never signed.
    ForgedReceipt = "adversary: forged receipt",
    /// Very many ops at once.
    Flood = "adversary: flood of ops",
    /// A value above the limit.
    OversizedValue = "adversary: oversized value",
    /// A value that is no text.
    InvalidUtf8 = "adversary: invalid UTF-8",
    /// Bytes that do not hash to the name they come under.
    BlobOfAnotherHash = "adversary: blob with another hash",
    /// Other bytes under the name of a photo that a phone has yet to send.
    SwappedPhoto = "adversary: swapped photo",
    /// CBOR nested without end.
    DeepCbor = "adversary: deep CBOR",
}

/// How often each fault happened.
#[derive(Clone, PartialEq, Eq)]
pub struct Fired(Vec<u64>);

impl Default for Fired {
    fn default() -> Self {
        Self(vec![0; Fault::ALL.len()])
    }
}

impl Fired {
    /// Takes note of one.
    pub fn note(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often one happened.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Those that never did.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        Fault::ALL.iter().filter(|it| self.count(**it) == 0).map(|it| it.name()).collect()
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, it)| *sum += it);
    }
}

impl fmt::Display for Fired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Fault::ALL.iter().try_for_each(|it| writeln!(f, "  {:>8}  {}", self.count(*it), it.name()))
    }
}
