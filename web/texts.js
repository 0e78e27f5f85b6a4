// Texts to read while enrolling: Aesop's North Wind and Sun, in three pieces, which linguists use because its sounds are rich.

/** @type {Record<string, string[]>} */
export const TEXTS = {
  en: [
    "English",
    "The north wind and the sun were disputing which was the stronger, when a traveller came along wrapped in a warm cloak.",
    "They agreed that the one who first succeeded in making the traveller take his cloak off should be considered stronger than the other.",
    "Then the north wind blew as hard as he could, but the more he blew, the more closely did the traveller fold his cloak around him.",
  ],
  de: [
    "Deutsch",
    "Einst stritten sich Nordwind und Sonne, wer von ihnen beiden wohl der Stärkere wäre, als ein Wanderer, der in einen warmen Mantel gehüllt war, des Weges daherkam.",
    "Sie wurden einig, dass derjenige für den Stärkeren gelten sollte, der den Wanderer zwingen würde, seinen Mantel abzunehmen.",
    "Der Nordwind blies mit aller Macht, aber je mehr er blies, desto fester hüllte sich der Wanderer in seinen Mantel ein.",
  ],
  fr: [
    "Français",
    "La bise et le soleil se disputaient, chacun assurant qu’il était le plus fort, quand ils virent un voyageur qui s’avançait, enveloppé dans son manteau.",
    "Ils tombèrent d’accord que celui qui arriverait le premier à le lui faire ôter serait regardé comme le plus fort.",
    "Alors la bise se mit à souffler de toutes ses forces, mais plus elle soufflait, plus le voyageur serrait son manteau autour de lui.",
  ],
  es: [
    "Español",
    "El viento norte y el sol discutían sobre cuál de ellos era el más fuerte, cuando pasó un viajero envuelto en una ancha capa.",
    "Convinieron en que quien antes lograra obligar al viajero a quitarse la capa sería considerado más poderoso.",
    "El viento norte sopló con gran furia, pero cuanto más soplaba, más se arrebujaba en su capa el viajero.",
  ],
  it: [
    "Italiano",
    "Si bisticciavano un giorno il vento di tramontana e il sole, l’uno pretendendo d’esser più forte dell’altro, quando videro un viaggiatore avvolto nel mantello.",
    "I due litiganti convennero allora che sarebbe ritenuto più forte chi fosse riuscito a far sì che il viaggiatore si togliesse il mantello.",
    "Il vento di tramontana cominciò a soffiare con violenza; ma più soffiava, più il viaggiatore si stringeva nel mantello.",
  ],
  pt: [
    "Português",
    "O vento norte e o sol discutiam qual dos dois era o mais forte, quando surgiu um viajante envolvido numa capa.",
    "Concordaram que aquele que primeiro conseguisse obrigar o viajante a tirar a capa seria considerado o mais forte.",
    "O vento norte começou a soprar com muita força, mas quanto mais soprava, mais o viajante se aconchegava à sua capa.",
  ],
  nl: [
    "Nederlands",
    "De noordenwind en de zon twistten over de vraag wie van hun tweeën de sterkste was, toen er iemand voorbijkwam die een dikke, warme jas aanhad.",
    "Ze spraken af dat wie de voorbijganger ertoe zou krijgen zijn jas uit te trekken, de sterkste zou zijn.",
    "De noordenwind begon uit alle macht te blazen, maar hoe harder hij blies, des te dichter trok de voorbijganger zijn jas om zich heen.",
  ],
  ru: [
    "Русский",
    "Однажды северный ветер и солнце заспорили, кто из них сильнее, и увидели путника, закутанного в тёплый плащ.",
    "Они договорились, что самым сильным будет считаться тот, кто первым заставит путника снять плащ.",
    "Северный ветер принялся дуть изо всех сил, но чем сильнее он дул, тем крепче кутался путник в свой плащ.",
  ],
  zh: [
    "中文",
    "有一回，北风跟太阳在那儿争论谁的本事大。争来争去，就是分不出高低来。这时候，路上来了个走道儿的。",
    "他身上穿着件厚大衣。他们俩就说好了，谁能先叫这个走道儿的脱下他的厚大衣，就算谁的本事大。",
    "北风就使劲地刮起来了，不过他越是刮得厉害，那个走道儿的就把大衣裹得越紧。",
  ],
  any: [
    "My own words",
    "Say what you did this morning, from getting up to now, in whole sentences.",
    "Say what you can see around you, as if to somebody on the phone.",
    "Say what you would like to do on your next free day, and why.",
  ],
};

/** @param {string} tag */
export const languageOf = (tag) => (tag && tag.slice(0, 2) in TEXTS ? tag.slice(0, 2) : "en");
