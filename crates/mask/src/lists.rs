//! Names and words. They are ASCII, so that every encoding has them.

pub(crate) const FIRST: [&str; 64] = [
    "Ada", "Agnes", "Alan", "Amir", "Anna", "Arne", "Asha", "Bea", "Boris", "Carla", "Cato",
    "Chen", "Clara", "Cyrus", "Dana", "David", "Dora", "Edda", "Elif", "Emil", "Enzo", "Eva",
    "Farah", "Finn", "Flora", "Gita", "Goran", "Hana", "Hugo", "Ida", "Igor", "Ines", "Ivan",
    "Jada", "Jonas", "Juno", "Kaito", "Karin", "Kofi", "Lara", "Leo", "Lina", "Luis", "Maja",
    "Marco", "Mei", "Milan", "Mona", "Nadia", "Nils", "Nora", "Olga", "Omar", "Otto", "Petra",
    "Priya", "Rafael", "Rosa", "Samir", "Sofia", "Tariq", "Tessa", "Viktor", "Yara",
];

pub(crate) const LAST: [&str; 64] = [
    "Abel", "Adler", "Aoki", "Baker", "Bauer", "Becker", "Berg", "Bianchi", "Blom", "Bose",
    "Brandt", "Cole", "Costa", "Cruz", "Dahl", "Diaz", "Dumont", "Ekwueme", "Engel", "Falk",
    "Fischer", "Fontaine", "Garcia", "Gomez", "Haas", "Hansen", "Hoffman", "Ito", "Ivanov",
    "Jansen", "Kaya", "Keller", "Khan", "Kim", "Klein", "Kovacs", "Lang", "Larsen", "Lopez",
    "Marek", "Mensah", "Meyer", "Mills", "Moreau", "Nakano", "Novak", "Okoye", "Olsen", "Patel",
    "Petrov", "Quinn", "Ramos", "Reed", "Rossi", "Sato", "Silva", "Singh", "Stone", "Tanaka",
    "Torres", "Vogel", "Weber", "Yilmaz", "Zhang",
];

pub(crate) const WORDS: [&str; 128] = [
    "acorn", "alder", "amber", "anchor", "apple", "arch", "ash", "autumn", "bark", "basin",
    "beacon", "bell", "birch", "bloom", "breeze", "bridge", "brook", "cabin", "candle", "canyon",
    "cedar", "chalk", "cherry", "cinder", "clay", "cliff", "cloud", "clover", "coast", "copper",
    "coral", "cove", "crane", "creek", "dawn", "delta", "dew", "drift", "dune", "dusk", "eagle",
    "echo", "elm", "ember", "fern", "field", "fjord", "flint", "forest", "fox", "frost", "garden",
    "gate", "glade", "glass", "gold", "grain", "granite", "grove", "gull", "harbor", "harvest",
    "hazel", "heath", "hill", "honey", "ink", "iris", "iron", "island", "ivory", "ivy", "jade",
    "juniper", "kestrel", "lagoon", "lake", "lantern", "larch", "leaf", "lily", "linen", "maple",
    "marble", "marsh", "meadow", "mill", "mist", "moon", "moss", "mountain", "oak", "oasis",
    "ocean", "olive", "orchard", "otter", "paper", "pebble", "pine", "plum", "pond", "poplar",
    "quarry", "quartz", "rain", "reed", "ridge", "river", "robin", "rose", "sage", "sand", "shell",
    "shore", "silver", "sky", "slate", "snow", "spring", "star", "stone", "stream", "summit",
    "thistle", "tide", "valley", "willow",
];
