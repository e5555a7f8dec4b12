//! What a person would expect to find by the words they type, in every script, with and without vectors.

mod common;

use common::{Daemon, QUIET};
use serde_json::json;

fn daemons() -> [Daemon; 2] {
    [Daemon::start(QUIET), Daemon::start(&QUIET.replace("provider: none", "provider: native"))]
}

/// Memories that have nothing to do with any of the questions.
const NOISE: [&str; 8] = [
    "The garden fence was painted green in spring",
    "Our train to the coast leaves at nine",
    "She bought two kilos of apples at the market",
    "The printer on the second floor is out of paper",
    "Piano lessons are on Thursdays after school",
    "He broke the blue vase while dusting the shelf",
    "A new bakery has opened next to the station",
    "We keep the spare blankets in the attic",
];

/// Content, and questions that must find it first.
const FOUND: &[(&str, &[&str])] = &[
    ("We wrote the codec in C++ last year", &["C++", "C++ codec"]),
    ("The parser is a C# program", &["C#", "the C# parser"]),
    ("C#12 特性 are turned on", &["C#"]),
    ("Legacy billing runs on .NET 8", &[".NET", "what .NET version do we use"]),
    ("我们使用.NET开发", &[".NET"]),
    ("The crash is at parser.ts:412 in the loader", &["parser.ts:412", "parser.ts", "412"]),
    ("Deploys use the blue-green method", &["blue-green", "blue green"]),
    ("The flag is called max_open_files", &["max_open_files", "max open files"]),
    ("The ﬁnancial report is docu\u{ad}mented", &["financial", "documented"]),
    ("Ｋｕｂｅｒｎｅｔｅｓ cluster", &["kubernetes"]),
    ("Cafe\u{301} Zürich has the best cake", &["café", "cafe", "zurich"]),
    ("Die Straße wird gesperrt", &["strasse", "STRASSE", "Straße"]),
    ("Ёжик живёт в саду", &["ежик", "ёжик", "ЁЖИК"]),
    ("Η βήτα έκδοση είναι έτοιμη", &["βητα", "ΒΉΤΑ"]),
    ("قرأت كِتَابٌ جديد", &["كتاب"]),
    ("数据库部署在上海的机房", &["上海", "数据库", "部署在哪", "数据库呢"]),
    ("我喜欢红色的沙发", &["沙发", "沙发颜色"]),
    ("猫はソファで寝ることが好き", &["ソファ", "猫はどこ", "猫どこ"]),
    ("고양이는 소파에서 잔다", &["고양이", "고양이가", "소파"]),
    ("서울에 서버를 배포했습니다", &["서울", "서울에서"]),
    ("ประชุมทีมวันพฤหัสบดี", &["ทีม", "วันพฤหัสบดี"]),
    ("ຂ້ອຍມັກກາເຟເຢັນ", &["ກາເຟ"]),
    ("ខ្ញុំចូលចិត្តកាហ្វេ", &["កាហ្វេ"]),
    ("ကျွန်တော်ကော်ဖီကြိုက်တယ်", &["ကော်ဖီ"]),
    ("Совещание перенесли на четверг", &["совещание", "когда совещание"]),
];

#[test]
fn words_are_found_as_people_write_them() {
    // where meaning counts too, others may come before what has the word
    for (daemon, place) in daemons().into_iter().zip([3, 10]) {
        NOISE.iter().for_each(|noise| drop(daemon.remember(noise)));
        FOUND.iter().for_each(|(content, _)| drop(daemon.remember(content)));
        let mut missed = Vec::new();
        for (content, questions) in FOUND {
            for question in *questions {
                let found = daemon.recall(question);
                if !found.iter().take(place).any(|line| line == content) {
                    missed.push((question, found.into_iter().next()));
                }
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
    }
}

#[test]
fn a_date_asked_about_finds_what_tells_of_it_in_any_form() {
    for daemon in daemons() {
        NOISE.iter().for_each(|noise| drop(daemon.remember(noise)));
        let forms = [
            "The zeppelin lands on 2027-03-05",
            "Zeppelin due 2027-03-05T09:00:00Z at the depot",
            "The zeppelin lands on March 5, 2027",
            "A zeppelin comes on the 5th of March 2027",
            "Zeppelin: 05.03.2027",
            "Der Zeppelin landet am 5. März 2027",
            "飞艇2027年3月5日到",
            "２０２７年３月５日 zeppelin",
        ];
        forms.iter().for_each(|form| drop(daemon.remember(form)));
        for question in ["what happened on 2027-03-05?", "what is on March 5, 2027?", "5 March 2027"] {
            let answer = daemon.post("/api/memory/recall", &json!({"query": question, "limit": 20})).json();
            for form in forms {
                let found = answer["results"].as_array().unwrap().iter().any(|line| line["content"] == form);
                assert!(found, "{question}: {form}: {answer}");
            }
        }
        let answer = daemon.post("/api/memory/recall", &json!({"query": "zeppelin on 2019-01-01"})).json();
        let best = answer["results"][0]["score"].as_f64().unwrap_or_default();
        assert!(best < 0.9, "nothing is of that day: {answer}");
    }
}

#[test]
fn what_has_nothing_to_do_with_a_question_never_scores_as_its_answer() {
    for daemon in daemons() {
        NOISE.iter().for_each(|noise| drop(daemon.remember(noise)));
        for question in ["quantum chromodynamics lattice", "the", "is it", "what is on", "zzqx", "北京烤鸭", "Ψυχή"]
        {
            let answer = daemon.post("/api/memory/recall", &json!({"query": question})).json();
            let best = answer["results"][0]["score"].as_f64().unwrap_or_default();
            assert!(best < 0.9, "{question}: {answer}");
        }
        let strict = json!({"query": "the garden fence", "minScore": 0.99});
        let answer = daemon.post("/api/memory/recall", &strict).json();
        assert!(answer["results"].as_array().unwrap().iter().all(|l| l["score"].as_f64() >= Some(0.99)), "{answer}");
    }
}

#[test]
fn only_the_first_three_rows_of_an_answer_are_counted() {
    let daemon = Daemon::start(QUIET);
    for n in 0..8 {
        daemon.remember(&format!("Boat number {n} lies in the harbour"));
    }
    assert_eq!(daemon.recall("boat harbour").len(), 8);
    let used = daemon.get("/api/memories/most-used?limit=20").json();
    assert_eq!(used["memories"].as_array().unwrap().len(), 3, "{used}");
}
