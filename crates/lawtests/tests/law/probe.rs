#[test]
fn probe() { let c = statehouse_testkit::Cluster::shared(); println!("{}", statehouse_testkit::orders::in_every_state(c)); }
