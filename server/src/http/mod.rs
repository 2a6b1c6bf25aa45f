//! The HTTP edge: one file per resource; translate, call, translate.

mod body;
