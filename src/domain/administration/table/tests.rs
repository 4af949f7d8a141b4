use proptest::prelude::*;

use super::*;

fn one(domain: &str, name: &str) -> Administration {
    Administration {
        domain: domain.into(),
        name: name.into(),
        siren: None,
        siret: None,
        branch: None,
        organizational_unit: None,
    }
}

fn faults(text: &str) -> Vec<(u64, Fault)> {
    let faults = read(text.as_bytes()).unwrap_err();
    faults.into_iter().map(|fault| (fault.line, fault.fault)).collect()
}

#[test]
fn tables_as_spreadsheets_write_them_are_read() {
    let dinum = Administration {
        siren: Some("130025265".into()),
        siret: Some("13002526500013".into()),
        branch: Some(Branch::Etat),
        organizational_unit: Some("Tchap".into()),
        ..one("beta.gouv.fr", "DINUM")
    };
    for text in [
        "domain,name,siren,siret,branch,organizational_unit\nbeta.gouv.fr,DINUM,130025265,13002526500013,etat,Tchap\n",
        "\u{feff}Domaine;Nom;SIRET;Branche;Service\r\n BETA.gouv.fr ;DINUM;13002526500013;Etat;Tchap\r\n;;;;\r\n\r\n",
        "nom\tdomaine\tsiren\tsiret\tbranche\tservice\nDINUM\tbeta.gouv.fr\t130025265\t13002526500013\tetat\tTchap",
        "\"domain\",\"name\",siret,branch,service\n\"beta.gouv.fr\",\"DINUM\",13002526500013,etat,Tchap",
    ] {
        assert_eq!(read(text.as_bytes()), Ok(vec![dinum.clone()]), "{text}");
    }
    let quoted = read(b"domain,name\na.fr,\"Ville, \"\"A\"\"\"\n").unwrap();
    assert_eq!(quoted, [one("a.fr", "Ville, \"A\"")]);
    assert_eq!(read(b"domain,name\n"), Ok(vec![]));
}

#[test]
fn every_problem_is_told_with_its_line() {
    let table = "domain;name;siren;branch\na.fr;A;;\nA.fr;B;;\nb;B;130025266;etta\nc.fr;;;\nd.fr;D\n\ne.fr;\u{202e};;\n\
                 f.fr;F;1,30025E+8;\n";
    assert_eq!(
        faults(table),
        [
            (3, Fault::Repeated(2)),
            (4, Fault::Field("domain")),
            (4, Fault::Field("siren")),
            (4, Fault::Field("branch")),
            (5, Fault::Field("name")),
            (6, Fault::Cells),
            (8, Fault::Field("name")),
            (9, Fault::Field("siren")),
        ]
    );
    let unknown = |title: &str| (1, Fault::UnknownColumn(title.into()));
    assert_eq!(
        faults("domain,name,Name,color\n"),
        [unknown("name"), unknown("color")],
        "and one that is there twice"
    );
    let missing = |title| (1, Fault::MissingColumn(title));
    assert_eq!(faults(""), [missing("domain"), missing("name")]);
    let latin = LineFault {
        line: 3,
        fault: Fault::Encoding,
    };
    assert_eq!(read(b"domain,name\na.fr,A\nb.fr,\xe9\n").unwrap_err(), [latin]);
    assert_eq!(
        faults(&format!("domain,name\n{}", "x,\n".repeat(1000))).len(),
        MAX_FAULTS
    );
    let many: String = (0..=MAX_LINES).map(|n| format!("a{n}.fr,A\n")).collect();
    assert_eq!(
        faults(&format!("domain,name\n{many}")),
        [(MAX_LINES as u64 + 2, Fault::TooLong)]
    );
}

#[test]
fn no_cell_is_a_formula_and_each_comes_back() {
    let names = [
        "=HYPERLINK(\"http://evil\")",
        "+33",
        "-1+2",
        "@SUM(A1)",
        "'quoted",
        "''twice",
        "'=x",
        "＝1",
        "A;B,C\"D",
        "É",
    ];
    let list: Vec<_> = (0..)
        .zip(names)
        .map(|(n, name)| one(&format!("a{n}.fr"), name))
        .collect();
    let text = write(&list).unwrap();
    let cells = text.trim_start_matches(MARK).lines().flat_map(|line| line.split(';'));
    for cell in cells {
        assert!(!cell.trim_start_matches('"').starts_with(is_trigger), "{cell}");
    }
    assert_eq!(read(text.as_bytes()), Ok(list));
    // Somebody else's file, with formulas as they are.
    let theirs = read("domain,name\na.fr,=1+1\nb.fr,'x\n".as_bytes()).unwrap();
    assert_eq!(theirs, [one("a.fr", "=1+1"), one("b.fr", "'x")]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        let _ = read(&[b"domain,name\n".as_slice(), &bytes].concat());
    }

    #[test]
    fn whatever_is_valid_comes_back(
        names in proptest::collection::vec("['=+@,;\"a-é -]{1,12}", 1..6),
        unit in "['=\"-]{1,3}",
    ) {
        let list: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(n, name)| Administration {
                organizational_unit: Some(unit.clone()),
                ..one(&format!("a{n}.fr"), name)
            })
            .filter(|one| one.validate().is_ok())
            .collect();
        prop_assert_eq!(read(write(&list).unwrap().as_bytes()), Ok(list));
    }
}
