//! Why a version of a score was frozen: by an approval, an upheld appeal, or since somebody scored the visit again. Of the last the office
//! keeps the words of who asked, which are its own: whoever is not of the office is told the kind of change and no more.

/// The kind of change that a version stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The visit was approved.
    Approved,
    /// An appeal was upheld.
    Appeal,
    /// Somebody scored it again, and said why in their own words.
    Rescored,
}

impl Change {
    /// The kind of what is kept with a version; whatever is no word of the office's own code is somebody's text.
    pub(crate) fn of(reason: &str) -> Self {
        [Self::Approved, Self::Appeal].into_iter().find(|it| it.as_str() == reason).unwrap_or(Self::Rescored)
    }

    /// Its stable name, which is kept with the version but for one that was scored again.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Appeal => "appeal",
            Self::Rescored => "rescored",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_no_name_of_a_kind_is_text_of_somebody_who_scored_again() {
        for kind in [Change::Approved, Change::Appeal, Change::Rescored] {
            assert_eq!(Change::of(kind.as_str()), kind);
        }
        for text in ["", "Approved", "appeal ", "la auditora se equivocó"] {
            assert_eq!(Change::of(text), Change::Rescored);
        }
    }
}
