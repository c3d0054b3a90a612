use super::*;

#[test]
fn dump() {
    let mut names: Vec<_> = std::fs::read_dir("fixtures/notices").unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for name in names {
        let mut notices = Notices::new(None);
        notices.read(&name.display().to_string(), std::fs::File::open(&name).unwrap()).unwrap();
        for entry in notices.finish().0 {
            println!("{} {:?} {:?} x{} {:?} {:?}", entry.origin.input, entry.origin.part, entry.origin.case_id, entry.copies, entry.flags, entry.differing);
            match entry.content {
                Ok(c) => println!("   {:?} {:?} {:?} {:?}\n   {:?} {:?} {:?}", c.who, c.when.text, c.when.readings, c.what, c.acts, c.act_basis, c.words),
                Err(e) => println!("   {e:?}"),
            }
        }
    }
}
