"""Plots about friends, one rule each and its parts, in the markup of fables_grammar."""

FRIENDS = """
@lost
= friend toy hue place animal

{hero} had {hue.a} {toy}, and {he} took it everywhere, even to the <building>.
{^his} <stuff> <toy.s> were nice, but {hero} loved {his} {hue} {toy} the most.
For {his} birthday, <elder> had given {him} {hue.a} {toy} tied up with <fabric> ribbons.
{^his} {kin} had made {him} {hue.a} {toy} out of <treasure.s> and <fabric> (scraps|pieces|rags).

<When> {hero} took it to the <scenic> {place}, where {his} friend {friend} was <rest.ing>.
<When> {hero} and {his} friend {friend} <move.ed> <how> to the <scenic> {place} to play <game>.
<When> {his} friend {friend} asked {him} <tone> to bring the {toy} to the <scenic> {place}.

<crowd>

<beast.^a> {animal} watched them <how> from behind <scenic.a> <landmark>.
<Nobody> noticed the <beast> {animal} that was <rest.ing> (near|behind|beside) <scenic.a> <landmark>.

¶
When it was time to go home, the {toy} was gone. {hero} felt <sad>.
They played <how> until sunset. Then {hero} looked <how> around. No {toy}!
<Suddenly> {hero} turned as (pale|white|cold) as <thing.a> <curio>. The {toy} had (vanished|disappeared)!

"<oath>! My {toy}!" <cried> {hero}, and {his} <body> <began> to (tremble|shake|itch|tingle).
{hero} sat down behind <scenic.a> <landmark>, feeling <sad>, and cried <like>.

They looked behind <scenic.a> <landmark> and inside <stuff.a> <container>, but found only <finds>.
They asked <person.a> <job>, who had seen only <finds>.
{friend} searched <how> <like> and found <finds>, but no {toy}.

¶
Then came a <faint> <sound>. It was the {animal}, <rest.ing> <how> on the {hue} {toy}!
<At last> they followed some <faint> tracks past <scenic.a> <landmark>. There sat the {animal}, <rest.ing>
    beside the {toy}.
Then the {animal} <move.ed> <how> past them with something {hue} in its mouth. "My {toy}!"
    (called|shouted) {hero}.

{friend} gave the {animal} <tasty.a> <food> and <crop.s>, and it let the {toy} go.
The {animal} looked <sad>, so {hero} gave it <thing.a> <stuff> <container> for the {toy}.

<evening>

{hero} <learned> that (a friend like {friend} is worth more than any {toy}|two pairs of eyes are better
    than one|nothing is truly lost while you have a friend).
And the {animal}? Every <weekday> it came to the {place}, hoping for another {toy}.
"{toy.^s} get lost," <says kin>, "but good friends like {friend} always turn up."

@faint
(soft|faint|tiny|strange|muddy|funny|fresh|curious|small)

@help
= animal look pet trouble peril tool food

<When> {hero} packed {food.a}, {tool.a} and <count> <crop.s> and set out to visit <person.a> <job>.
<When> {he} put {food.a}, {tool.a} and <fabric.a> <cloth> into {his} <hue> bag and <move.ed> off <so>.
{^his} {kin} sent {him} to the <scenic> <building> with {food.a}, {tool.a} and <hue> <flower.s>.

<way>
<crowd>

Near <scenic.a> <place>, {he} heard a (sad|soft|small|strange) <sound>. {look.^a} {animal} was {trouble}!
<Suddenly> {he} saw {look.a} {animal} that was {trouble}, looking <sad>.

¶
"Please help me," <says the animal>. "I am {pet}, and I have been here for <count> (hours|days)."
"I am {pet}," <says the animal>. "<elder> and <elder> went right past me."

With {his} {tool}, {he} worked <how> <like> until {pet} was free. Then {he} shared {his} {food} with the
    {animal}.
{^he} used the {tool} <how> to free {pet}, and together they ate the {food} behind <scenic.a> <landmark>.

¶
<count.^> (days|weeks|months) later, {hero} was {peril}, with only <stuff.a> <tool> and <crop.s>.
Then, one <weather> <month> night, {hero} was {peril} and felt <sad>.

{^he} called <how> <like>, but there were only <bug.s>, <bird.a> and the <weather> wind.
{^he} thought <how> of {his} {kin}, of <tasty> <food.s>, <dish> and <crop.s>.

But {pet} the {animal} had heard {him}. "You came when I was {trouble}," <says pet>, and led {him} home.
Then {pet}, the {animal} that had been {trouble}, <move.ed> out <so> of the dark and led {him} home to
    {town}.

¶
<evening>

"Kindness finds its way back," <says kin>, and gave {pet} <tasty.a> <food>.
{hero} <learned> that (no friend is too small|no kind deed is ever wasted|whoever gives help will find
    help|even {look.a} {animal} can be a hero).
<From then on>, whenever {hero} had {food.a}, {he} gave half of it to {pet} the {animal}.


@secret
= friend place container stuff treasure count rival

<When> {hero}'s friend {friend} took {him} to the <scenic> {place}. There, under <thing.a> <landmark>, was
    {stuff.a} {container}.
<When> {his} friend {friend} <move.ed> <how> with {him} to the <scenic> {place} and dug up {stuff.a}
    {container}.

Inside were {count} {treasure.s}. "I have shown them only to <beast.a> <animal>," <says friend>.
"<oath>!" <says hero>. Inside lay {count} {treasure.s} that {friend} had found.

"Promise not to tell <elder> or anyone," <says friend>. / "I promise," <says hero>.
"Will you keep it secret?" <asks friend>. {hero} nodded <how> <like>.

¶
<The next day> {rival}, <person.a> {rival.girl}, stopped {hero}. "Tell me what is at the {place}, and I
    will give you <thing.a> <toy>."
But {rival}, <person.a> {rival.girl}, had seen them. "I will give you <hue.a> <toy> for your secret,"
    <says rival>.

<keeps>
<tells>

@keeps
{hero} thought of {friend} and shook {his} head <how>. "A promise is a promise," {he} <said>.
"I can't," <says hero>. "Not even for <count> <toy.s>." {^he} felt <sad>, but {he} kept {his} word.

{rival} asked again on <weekday>, with <tasty.a> <food>, <count> <crop.s> and <hue.a> <cloth>. {hero} only
    laughed <how>.
{hero} <move.ed> home <how> to {hobby}, and did not say a word, not even to {his} {kin} or <beast.a>
    <animal>.

<crowd>

¶
{friend}, as <glad> as <beast.a> <animal>, gave {hero} one of the {count} {treasure.s}.
{friend} had been <rest.ing> behind <scenic.a> <landmark> and had heard it all. "I can trust you," <says
    friend>.

<evening>

{hero} <learned> that (a kept promise is worth more than <thing.a> <toy>|a friend's trust is the greatest
    treasure|a secret is safe with a true friend).
To this day, only {hero}, {friend} and <bug.a> know where the {stuff} {container} is.

@tells
{hero} looked <how> at {his} <hue> shoes. Then {he} told {rival} about the {container}.
"It is only {treasure.s}," <says hero>. At once {he} felt <sad>.

¶
When {hero} and {friend} <move.ed> <how> back to the {place}, the {stuff} {container} was empty.
On <weekday> {friend} found the {stuff} {container} empty but for <bug.a>. "Who took my {treasure.s}?"
    {friend} <cried>.

"I told {rival}," <says hero>. "I broke my promise, and I am as <upset> as <beast.a> <animal>."
"It was my fault," <says hero>. {friend} was too <upset> to speak and only looked at <scenic.a> <landmark>.

{hero} gave {rival} {his} own <hue> <cloth>, and got the {count} {treasure.s} back.
All week {hero} searched <how> near <scenic.a> <landmark> for {count} new {treasure.s}.

<crowd>

¶
"I forgive you," <says friend>, "but next time, keep your word <like>."
After <count> days {friend} smiled at {him} again, and they hid the {container} beside <scenic.a>
    <landmark>.

<evening>

{hero} <learned> that (a promise is easy to break and hard to mend|a broken promise hurts a friend|some
    words should stay unsaid).
"Trust is like <stuff.a> <fragile>," <says kin>. "It is hard to mend, so handle it with care."

@afraid
= fear friend place peril

But {he} had a secret that only {his} {kin}, <elder> and <beast.a> <animal> knew: {he} was afraid of {fear}.
{hero} was not afraid of <beast> <animal.s> or <helper.s>, but {he} was very much afraid of {fear}.

¶
<When> {his} friend {friend} <move.ed> off <how> to the <scenic> {place} to look for <treasure.s> and
    <bug.s>.
<When> {his} friend {friend} set out for the <scenic> {place} with <stuff.a> <container> to gather <crop.s>.

<crowd>
<scene>

By (sunset|supper|nightfall), {friend} was not back. "I heard a <sound>," <says a job>. "I think
    <somebody> is {peril}!"
Evening came, but not {friend}. "{friend} must be {peril}!" <says an elder>.

<person.^a> <job> and <person.a> <guest> went to look with <count> <tool.s>, but they <move.ed> the wrong
    way.
Outside it was <weather>, and <bird.a> <move.ed> <how> (past|around) <scenic.a> <landmark>.

{hero} thought of {fear} and felt <sad>. Then {he} thought of {friend}, put on <hue.a> <cloth> and
    <move.ed> out <so>.
"I am afraid of {fear}," <says hero>, "but {friend} needs me." {^he} took <thing.a> <tool> and <move.ed>
    off <so>.

¶
<way>
"I am <person>, I am <person>, and {friend} is my friend," {hero} told {himself} <tone>.

There was {friend}, {peril}. "Weren't you afraid of {fear}?" <asks friend>.
"{friend}!" {he} called <how>, until a small voice answered <tone>. {friend} was {peril}.

"I was more afraid of losing you," <says hero>, and <how> led the way home.
"I am still afraid of {fear}," <says hero>, "but not with you." Hand in hand they <move.ed> back to {town}
    <so>.

¶
<evening>

{hero} <learned> that (being brave means being afraid and going on anyway|courage grows when a friend
    needs you|love is stronger than fear).
Is {hero} still afraid of {fear}? A little. But now {he} knows how brave {he} can be.
"Who is afraid of {fear} now?" <asks friend>. They both laughed until their <body.s> hurt.

@newcomer
= friend town2 hue cloth instrument rival

<When> <person.a> new {friend.girl} from {town2} came to school. {friend.^his} name was {friend}, and
    {friend.he} wore {hue.a} {cloth}.
<When> a family from far-off {town2} moved in near <scenic.a> <building>. Their child, {friend}, wore
    {hue.a} {cloth}.

"Only <job.a> would wear {hue.a} {cloth}!" <says rival>. {friend} felt <sad>.
{rival} laughed <like> at the {hue} {cloth}, and <soon> <job.a> and <count> <children> were laughing, too.

¶
{hero} <move.ed> over <so>. "I like your {cloth}," <says hero>. "Do you want to play <game>?"
"May I sit with you?" <asks hero>. {friend} nodded <how> and took <tasty.a> <food>.

"In {town2} everyone wears one and plays the {instrument}, even <job.a>," <says friend>.
"In {town2}," <says friend>, "I played the {instrument} for <beast> <animal.s> and <bird.s>."

"<oath>! I would love to hear it!" <says hero>. "And I can show you how to {hobby}."
{hero} asked <tone> whether {friend.he} would teach {him}, and {friend} smiled <how> for the first time in
    <count> days.

¶
<few.^> weeks later there was a feast in {town}, with <tasty> <food.s>, <crop.s> and <hue> flags. But the
    musicians were <late>!
Then came the <season> feast. <person.^a> <job> and <person.a> <guest> were dancing <how> when the
    {instrument} player fell ill.

"A feast without music is like <dish> without <taste>!" <says rival>.
"Then we may as well go home and <skill>," <says an elder>, as <upset> as <beast.a> <animal>.

¶
{hero} led {friend} <how> to the front, and {friend} played the {instrument} so <finely> that the <job.s>
    danced with the <guest.s> and <beast.a> <animal> <move.ed> in circles.
{hero} gave {friend} <stuff.a> {instrument}. When it <began> to sing, <count> <bird.s> fell silent and the
    <job.s> danced <how>.

"I am sorry that I laughed at your {cloth}," <says rival>. "Will you teach me, too?"
<The next day> {rival} came to school in {hue.a} {cloth}, feeling <sad>.

<evening>

{hero} <learned> that (a stranger is only a friend you have not met yet|it takes just one kind word to
    make a friend|you cannot judge a person by {hue.a} {cloth}).
<From then on>, {hero} and {friend} <move.ed> everywhere together, and there was always music in {town}.

@late
(stuck in the mud|lost in the fog|snowed in|on the wrong train|in bed with a cold)

@finely
(beautifully|sweetly|merrily|wonderfully|softly)

@shares
= count crop tree animal look friend elder

<When> {hero} picked {count} {crop.s} and put them in <thing.a> <stuff> <container>. "All mine," {he}
    <said>.
That <season> {hero} had {count} {crop.s}, more than <elder>, <job.a> or anyone else in {town}.

{^he} hid them <how> under {tree.a} tree, behind <scenic.a> <landmark>.
{^he} buried them <how> <like> beneath the {tree} tree near the <building>.

<scene>
<crowd>

¶
The first to come by was {his} friend {friend}. "May I have some {crop.s}?" <asks friend>. "I have had
    only <dish> since <weekday>."
<Soon> {his} friend {friend} <move.ed> up to {him} <so>. "What <tasty> {crop.s}!" <says friend>. "May I
    have one?"

"No," <says hero>. "Then I would have fewer than {count}."
{hero} shook {his} head <like>. "I need all {count}," {he} <said>, and {friend} <move.ed> away <so>.

Then {elder} asked for some <tone>, and so did {look.a} {animal}. {hero} sent both away <how>.
Next came {look.a} {animal} that had not eaten for <count> days, and then {elder} with <tool.a>. But
    {hero} gave them nothing.

¶
When {hero} <move.ed> <how> back to the {tree} tree on <weekday>, the {count} {crop.s} had gone bad and
    were full of <bug.s>.
But one <weather> <month> night the rain washed the {count} {crop.s} away from under the {tree} tree.

¶
Then <somebody> touched {his} <body>. It was {friend}, with <tasty.a> <food> and <dish>. "Half of it is
    for you," <says friend>.
There came {friend} and {elder}, with <dish>, <tasty> <food.s> and <stuff.a> <container> of {crop.s}.
    "Come and eat," they <said>.

The {look} {animal}, <rest.ing> <how> under the {tree} tree, got its share, too.
The {look} {animal} <move.ed> up to them <so>, and there was enough for it, too.

<evening>

The next <season>, {hero} gave all {his} {crop.s} away, and {he} had never felt so <glad>.
{hero} <learned> that (what you share tastes twice as good|food that is hidden feeds nobody|sharing makes
    {count} {crop.s} feel like a hundred).
<From then on>, whoever came to the {tree} tree in {town} could take as many {crop.s} as they liked.

@hue-red
a (ripe|tasty|juicy|big|fresh)
"""
