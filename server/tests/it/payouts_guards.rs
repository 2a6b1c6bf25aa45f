//! What keeps a run from paying twice, or from paying by what one person decided alone.
