// What a word adds: by the network when it is read, and by the n-grams that it is part of.

// An n-gram's credit is split evenly over its places in the text, and there over its letters or
// words. What belongs to no word that was read (a word beyond the longest text) is left out.
export function wordCredits(tokens, { tokens: steps, ngrams }) {
  const total = [...steps];
  const words = tokens.map((token) => token.text); // as the n-grams have them: "ß" is "ss"
  const spaced = lettersOf(words, " "), joined = lettersOf(words, "");
  for (const { ngram, credit } of ngrams) {
    const kind = ngram.slice(0, 2), gram = ngram.slice(2);
    const owners = kind === "c:" ? ownersOfLetters(gram, spaced, joined) : ownersOfWords(gram, words);
    for (const owner of owners) total[owner] += credit / owners.length;
  }
  return total;
}

function ownersOfWords(gram, words) {
  return gram.split(" ").flatMap((part) => words.flatMap((word, place) => (word === part ? [place] : [])));
}

function ownersOfLetters(gram, spaced, joined) {
  for (const { text, owners } of [spaced, joined]) {
    const found = [];
    for (let place = text.indexOf(gram); place >= 0; place = text.indexOf(gram, place + 1)) {
      for (let one = place; one < place + gram.length; one += 1) if (owners[one] !== null) found.push(owners[one]);
    }
    if (found.length) return found;
  }
  return [];
}

function lettersOf(words, between) {
  let text = between;
  const owners = between ? [null] : [];
  words.forEach((word, place) => {
    text += word + between;
    for (let letter = 0; letter < word.length; letter += 1) owners.push(place);
    if (between) owners.push(null);
  });
  return { text, owners };
}
