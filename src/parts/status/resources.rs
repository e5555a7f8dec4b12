//! Open descriptors by kind and memory, from `/proc`.

use super::api::Resources;

pub fn look() -> Resources {
    let (rss, heap_used) = memory_mib();
    let mut found =
        Resources { total: -1, memory_md: 0, sockets: 0, inotify: 0, pipes: 0, db: 0, other: 0, rss, heap_used };
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return found };
    found.total = 0;
    for target in entries.filter_map(|e| std::fs::read_link(e.ok()?.path()).ok()) {
        let target = target.to_string_lossy();
        found.total += 1;
        *match () {
            () if target.starts_with("socket:") => &mut found.sockets,
            () if target.starts_with("pipe:") => &mut found.pipes,
            () if target.contains("inotify") => &mut found.inotify,
            () if target.ends_with("MEMORY.md") => &mut found.memory_md,
            () if target.contains("memories.db") => &mut found.db,
            () => &mut found.other,
        } += 1;
    }
    found
}

/// Resident and private memory of this process.
fn memory_mib() -> (f64, f64) {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else { return (0.0, 0.0) };
    let pages: Vec<f64> = text.split(' ').filter_map(|n| n.trim().parse().ok()).collect();
    let mib = |pages: f64| (pages * rustix::param::page_size() as f64 / 1_048_576.0 * 10.0).round() / 10.0;
    match pages[..] {
        [_, resident, shared, ..] => (mib(resident), mib(resident - shared)),
        _ => (0.0, 0.0),
    }
}
