//! Words survive the wire, recorded messages of every release still decode, and limits hold.

#[cfg(test)]
mod wire {
    mod environments;
    mod limits;
    mod recordings;
    mod samples;
}
