//! The engine against what real Go made of the same templates.

mod golden;
