//! Words survive the wire, recorded messages of every release still decode, and limits hold.

mod wire {
    mod limits;
    mod recordings;
    mod samples;
}
