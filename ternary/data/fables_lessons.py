"""Plots about lessons, one rule each and its parts, in the markup of fables_grammar."""

LESSONS = """
@forbidden
= place rule friend curio

"Never go to the {place} {rule}," {his} {kin} (always|often) told {him} <tone>.
"You may play anywhere," <says kin>, "but never go to the {place} {rule}."
Only one thing was not allowed: {hero} must never go to the {place} {rule}.

<When> {his} friend {friend} <move.ed> up to {him} <so>. "There is {curio.a} at the <scenic> {place}!"
    {friend} <said>.
<When> {he} met {his} friend {friend} near <scenic.a> <landmark>. "<elder> has hidden {curio.a} at the
    {place}!" <said> {friend}.
<When> {his} friend {friend} told {him} that <person.a> <job> had lost {curio.a} at the <scenic> {place}.

¶
<disobeys>
<obeys>

@disobeys
"I must not go there {rule}," <says hero>. Still, {he} <move.ed> after {friend} <so> to see the {curio}.
{hero} knew the rule, but {he} thought <how> about the {curio} and <move.ed> off with {friend} <so>.

<way>
<crowd>

At the {place} they found <finds>, but no {curio}. Then {hero} (slipped|stumbled|tripped) <how> and fell
    into <deep> hole.
{hero} (climbed|stepped|crawled) <how> over <scenic.a> <landmark>, and with a <sound> {he} fell into
    <deep> hole.

"<oath>! Help!" {he} <cried>. But {friend} was as <upset> as <beast.a> <animal> and could not move.
{^his} <body> hurt, and {he} felt <sad>. "If only I had listened," {he} <cried>.

¶
{friend} <move.ed> off <how> to fetch {hero}'s {kin}, who pulled {him} out with <stuff.a> <tool>.
Luckily, <person.a> <job> heard {him}, called {hero}'s {kin} and pulled {him} out <how> with <tool.a>.

"I am <count> times sorry," <says hero>, "that I went to the {place} {rule}."
"Are you angry?" <asks hero>. / "I was as <upset> as <beast.a> <animal>," <says kin>, "because I love you."

<evening>

{hero} never went to the {place} {rule} again, and <nobody> but <bug.a> ever found the {curio}.
<From then on>, {hero} listened to {his} {kin}. (Some rules are there to keep us safe|No {curio} is worth
    a broken promise|A rule is easier to keep than to mend).
"A rule is like <stuff.a> fence," <says kin>. "It is not there to shut you in, but to keep you safe."

@deep
a (deep|dark|wet|cold|muddy|narrow)

@obeys
= trouble

"No," <says hero>. "I promised my {kin} not to go there {rule}."
{hero} <wanted> to see the {curio}, but not as much as {he} loved {his} {kin}. "Not {rule}," {he} <said>.

"Then I will go alone, <like>!" <says friend>, and <move.ed> off.
"You are as dull as <thing.a> <curio>," <says friend>, and <move.ed> away <so>.

{hero} stayed at home and tried to {hobby}, but {he} felt <sad>.
{hero} ate <tasty.a> <food>, <crop.s> and <dish>, but nothing tasted good without {friend}.

<scene>

¶
After <few> hours, {hero}, feeling <sad>, told {his} {kin} everything about {friend} and the {curio}.
Then {he} heard a far-off <sound>. "That came from the {place}!" {he} told {his} {kin} <tone>.

They <move.ed> <how> to the {place} with <thing.a> <tool>. There was {friend}, {trouble}.
With <thing.a> <tool> and <stuff.a> lantern, they searched the {place} <how>. There was {friend}, {trouble}.

"You were right," <says friend>. "There was no {curio}, only <finds>."
"Never again," <says friend>, "not for <count> <stuff> <treasure.s>, will I be {trouble}."

<evening>

"You kept your word and helped your friend," <says kin>, and gave them <tasty> <food.s>.
{hero} felt <happy>. It takes (courage|strength|a brave heart) to say no, even to a good friend like
    {friend}.
<From then on>, {friend} never went to the {place} {rule} either, and they stayed (close|good|true) friends.

@trade
= curio building toy hue tool food friend elder job

<When> {hero} saw {curio.a} in the {building}, just the thing for {his} {kin}. But {he} had no money, only
    {hue.a} {toy}.
{hero} <wanted> to give {his} {kin} {curio.a} from the {building}, but {he} owned only <count>
    <treasure.s> and {hue.a} {toy}.

<scene>
<way>

¶
First {he} met {his} friend {friend}, who was <rest.ing> beside <scenic.a> <landmark>. "<oath>, {hue.a}
    {toy}!" <says friend>, and traded {tool.a} for it.
{^his} friend {friend} had <thing.a> {tool}. {hero}, feeling <sad>, traded the {hue} {toy} for it.

¶
Next {he} came to {elder}, who was <chore>. "For {tool.a}," <says elder>, "I would give you <tasty.a>
    {food}."
At the <scenic> <place>, <person> {elder} looked <sad>. "My {tool} is broken, and I have only <tasty.a>
    {food}."

So {hero} traded the {tool} for the {food}, which smelled <how-smell> of <taste>.
{elder.^} took the {tool}, feeling <happy>, and {hero} took the {food} <how>.

¶
At the {building}, the <person> {job} was hungry. The {job} <how> traded the {curio} for the {food} and
    ate <like>.
<At last> {he} reached the {building}. There sat <person.a> {job}, as hungry as <beast.a> <animal>, who
    <how> traded the {curio} for the {food}.

¶
And so {hue.a} {toy} became {tool.a}, the {tool} became {food.a}, and the {food} became {curio.a}.
First the {toy}, then the {tool}, then the {food}, and now the {curio}! {hero} <move.ed> home <so>.

{^his} {kin} felt <happy>, put the {curio} beside <thing.a> <curio> and hugged {hero} <how>.
When {his} {kin} saw the {curio}, {kin.he} <move.ed> around <furniture.a> <like>.

<evening>

<The next day> {friend} <move.ed> over <so>. "Let's share the {toy}," <says friend>. (Good trades make
    good friends|Those who give get something back).
{hero} <learned> that (a fair trade makes everyone happy|with patience a little can become a lot|what you
    give away with love comes back).

@how-smell
(sweetly|faintly|strongly|deliciously|richly)

@contest
= skill month rival curio stuff

Every {month} there was a contest in {skill.ing} by the <scenic> <place>. The prize was {stuff.a} {curio}.
<hue.^a> sign hung outside the <building>: "{skill.^ing} contest in {month}! The winner gets {stuff.a}
    {curio}!"

{hero} could hardly {skill}, but {he} <wanted> to win that {curio} more than <tasty> <food.s>.
"I can {skill} only <like>," <says hero>, "but I will win that {curio}."

¶
So {hero} practiced <how> with <elder> in the <room> and at the <scenic> <place>, in <weather> weather and
    in the dark.
{hero} practiced <how> <like>, until {his} <body> ached and even <beast.a> <animal> stopped to watch.
Every <weekday> {he} practiced beside <scenic.a> <landmark>, with <beast.a> <animal> and <count> <bird.s>
    looking on.

{rival}, who had won the year before, only (laughed|grinned|yawned) <like>. "I need no practice," <says
    rival>.
"Why bother?" <asks rival>. "I am the best in {town}, and you {skill} <like>."

¶
The day of the contest was <weather>. <person.^a> <job>, <person.a> <guest> and <count> <children> came.
On the great day, <hue> flags flew from the <building>, and {town} smelled of <taste> and <food.s>.

<crowd>

<wins>
<stops>

@wins
{rival} began <how> <like>, but forgot the most important part.
Then {rival}, without any practice, did it as badly as <beast.a> <animal>.

Then came {hero}. When {he} finished, <person.a> <job> and <count> <job.s> cheered <how>, and {he} won.
Then came {hero}. {^his} <body> shook, but it was as easy as {hobby.ing}, and {he} won <how>.

¶
{rival} looked <sad>, so {hero} <move.ed> over <so>. "I can show you how I practiced," <says hero>.
{rival} <move.ed> <how> up to {hero} and {his} {curio}. "Next {month} I will practice, too," <says rival>.

The {stuff} {curio} still stands in the <room>. It reminds {hero} that (practice is stronger than
    luck|hard work beats boasting|those who practice need not boast).
Whenever <somebody> finds it too hard to {skill}, {hero} points <how> at the {stuff} {curio} and says,
    "Practice!"

@stops
{hero} was ahead. But then {rival} (fell|stumbled|tripped) over <thing.a> <curio> with a <sound>, and
    {hero} stopped to help.
{hero} was about to win when {rival} hurt {rival.his} <body> and cried <like>. {hero} <move.ed> back to
    help <so>.

"Go on and win!" <says rival>. But {hero} shook {his} head <how> and stayed.
"You will lose because of me," <says rival>. / "I don't mind," <says hero>.

¶
The {stuff} {curio} went to <person.a> child from <town>, but <job.a> gave {hero} <hue.a> ribbon for
    kindness.
<Somebody> else won the {curio}, but in {town} they clapped <how> for {hero} until their <body.s> were sore.

{rival} felt <sad> about boasting and (showed|gave) {hero} <thing.a> <toy>.
<The next day> {rival} brought {hero} <tasty.a> <food> and <hue> <flower.s>.

"I am <happy>," <says kin>. "(A good heart is worth more than any {curio}|Anyone can win, but not everyone
    can stop to help)."
{hero} <learned> that (helping is better than winning|a friend is a better prize than {stuff.a}
    {curio}|kindness is a prize in itself).

@wish
= helper container stuff hue place

<When> {hero} found {stuff.a} {container} near the <scenic> {place}, and out <move.ed> {hue.a} {helper}!
<When> {he} was <rest.ing> by the <scenic> {place}. From {stuff.a} {container} came a <sound>, and there
    sat {hue.a} {helper}.

"I was in that {container} for <count> years," <says the helper>. "Now you may have one wish."
"You set me free," <says the helper>. "I will grant you a wish, but nothing with <topic.s>!"

¶
<food-wish>
<animal-wish>

@food-wish
= food

"<oath>, I wish for <tasty> {food.s}!" <says hero>. With a <sound>, {food.a} fell from the sky, and then
    another.
{hero} was as hungry as <beast.a> <animal>. "I wish it would rain {food.s}!" {he} <said>, and the {helper}
    nodded <how>.

{hero} ate <count> {food.s} <how> <like>, and they were all <tasty>.
"How <tasty>!" <says hero>, and ate <how>, one {food} after another.

<crowd>

The {food.s} did not stop. They filled the <room>, buried <furniture.a> and rolled <how> over the
    <building>.
<Soon> <job.a>, <count> <bird.s> and <beast.a> <animal> got stuck between {food.s} near <scenic.a>
    <landmark>.

¶
{^his} tummy hurt, and {his} {kin} was stuck in the <room>. {hero} felt <sad>.
"Make it stop!" <says kin>, with <tasty.a> {food} on {kin.his} <body>.

{hero} <move.ed> <how> back to the {place}. "Please take the {food.s} away," {he} begged <tone>.
"{helper.^}, dear {helper}!" {hero} called <how> at the {place}. "I have had enough {food.s} for <count>
    years!"

The {hue} {helper} laughed <like>, and with a <sound> every {food} was gone.
"I thought so," <says the helper>, and <move.ed> back into the {stuff} {container} with the {food.s} <so>.

<evening>

{hero} <learned> that (enough is as good as a feast|too much of a good thing is no good at all|one {food}
    with friends is better than a mountain of {food.s} alone).
Since then, {hero} has been <happy> with one {food} at a time.

@animal-wish
= animal look

"I wish for {look.a} {animal} of my own!" <says hero>. The {helper} nodded <how>, and there it was.
"<oath>, I would love {look.a} {animal}," <says hero>, and with a <sound> there it stood.

They <move.ed> <how> past <scenic.a> <landmark> and played <game> with <elder>.
{hero} gave it <dish>, <crop.s> and <tasty> <food.s>, and <thing.a> <toy> to play with.

<crowd>

But at night the {animal} sat by the window, <rest.ing> <how>, and looked <sad>.
But <soon> the {animal} stopped eating. It looked toward the {place} and made a <sound> <like>.

¶
"Don't you like it here?" <asks hero>. / "I miss my <count> brothers," <says the animal>. "They live
    beyond the {place}."
"It is homesick for <tree> trees and <flower.s>," <says kin>. "How would you feel, far from {town}?"

{hero} <move.ed> to the {place} and called the {helper}. "Please send my {animal} home," <says hero>.
So {hero} took the {look} {animal} <how> to the {place}, where the {hue} {helper} was <rest.ing>.

"That is a better wish," <says the helper>. There was a <sound>, and the {animal} was gone.
The {helper} nodded <how> <like>, and the {animal} was gone, and so was the {stuff} {container}.

<evening>

{hero} <learned> that (love means letting go|a friend is not a thing to own|the best wishes are made for
    others).
Every <season>, {look.a} {animal} <move.ed> into {town} <how> to visit {hero} with <count> little ones.

@broken
= fragile hue friend pet animal

{^his} {kin} had {hue.a} {fragile}, a present from <person.a> <job>, and loved it <like3>.
In the <room> stood {hue.a} {fragile}, which {his} {kin} had bought in <town> from <person.a> <job>.

<When> {hero} and {his} friend {friend} played <game> with <thing.a> <toy> in the <room2>, although it was
    not allowed.
<When> it was too <badly> to go out, so {hero} and {his} friend {friend} played <game> indoors with
    <thing.a> <toy>.

{hero} <move.ed> <how> (around|past|behind) the <furniture>. <sound.^>! The {fragile} lay on the floor in
    <count> pieces.
"Watch me!" <says hero>, and <move.ed> into the {hue} {fragile} <so>. With a <sound>, it broke.

¶
"We can say that {pet} did it," <says friend>. {pet} was the neighbor's <beast> {animal}, and it was
    <rest.ing> by the door.
Just then {pet} the <beast> {animal} looked in <how>. "We can say it was {pet}," <says hero>.

When {his} {kin} came in with <crop.s> and <dish>, {hero} pointed <how> at {pet}.
"Who broke my {fragile}?" <asks kin>. / "It was {pet}," <says hero>.

{^his} {kin} scolded {pet} <tone>, and the {animal} <move.ed> off <so> and hid behind <scenic.a> <landmark>.
So {pet} was shut in the <room> with <tool.s> and <bug.s>, and there it sat, <sad>.

¶
That night {hero} dreamed of <topic.s>, <beast> <animal.s> and <stuff> <fragile.s>, and {he} felt <sad>.
{hero} tried to {hobby}, but whenever {he} closed {his} eyes, {he} saw {pet}, <rest.ing> <how>.
At supper there were <tasty> <food.s>, <crop.s> and <dish>, but {hero} felt too <upset> to eat.

"It was me," <says hero>. "I broke the {hue} {fragile}, not {pet}. I feel <sad>."
"Not {pet}, but {friend} and I broke the {hue} {fragile}," <says hero>, as <upset> as <beast.a> <animal>.

¶
"{fragile.^a} can be mended with <stuff> glue," <says kin>, "but a lie makes cracks that you cannot see."
"That took more courage than <rest.ing> with <beast> <animal.s>," <says kin>, and hugged {him} <how>.

<evening>

{hero} <learned> that (the truth may be hard, but a lie is heavier|blaming somebody else only makes things
    worse|an honest word mends more than glue).
The <count> cracks in the {hue} {fragile} still remind {hero} to tell the truth.

@like3
more than <hue> <flower.s>
as much as <tasty> <food.s>

@room2
(kitchen|hallway|dining room|living room|parlor|library|study|playroom)

@badly
(wet|cold|stormy|windy|rainy|foggy|snowy|frosty|hot|icy|muggy|gusty|sultry|chilly)

@gift
= month cloth hue friend food

In {month} it was {his} {kin}'s birthday. {hero} <wanted> to make {hue.a} {cloth} as fine as <stuff.a>
    <curio>.
"I will make {hue.a} {cloth} for your birthday in {month}," {hero} told {his} {kin}. "You will look <like>."

{^his} friend {friend} had <count> bags of {hue} wool and <stuff.a> <container> of <treasure.s>.
{^his} friend {friend} <move.ed> over with {hue} wool, <tool.a> and <tasty.a> <food>.

<scene>
<crowd>

¶
For <count> days they stitched <how> in the <room>, where <bug.s> and <beast.a> <animal> watched them.
They measured and sewed <how>, and hid the work in <stuff.a> <container> whenever <elder> <move.ed> by.

But the {cloth} had a hole as big as <tasty.a> <food> in the (middle|back|front).
But the {cloth} came out so small that it would only fit <beast.a> <animal>!
Then <beast.a> <animal> <move.ed> in and (chewed|tore|stepped) <how> right through the {cloth}.

"<oath>! It is ruined!" <cried> {hero}, and hid the {cloth} <how> behind <furniture.a>.
{hero} felt <sad> and kicked <furniture.a> <like>.

"We can bake {food.a}," <says friend>. It smelled of <tasty> <crop.s> and was as hard as <substance>.
"Wait," <says friend>, and put on <count> <stuff> buttons and baked {food.a} with <crop.s>.

¶
On the birthday, <person.a> <job> brought <thing.a> <curio>, and <person.a> <guest> brought <hue>
    <flower.s>. {hero} felt <sad>.
The guests came with <thing.a> <curio>, <stuff.a> <tool> and <count> <flower.s>. {hero} hid <how>.

But {his} {kin} had seen the {cloth}. {kin.^he} put it on <how> and took a big bite of the {food}.
"What is that?" <asks kin>. <how.^>, {hero} held out the {hue} {cloth} and the {food}.

"I would not trade it for <count> <thing> <curio.s>," <says kin>.
"Any {cloth} from the <building> is only {cloth.a}," <says kin>, "but this one is from you and {friend}."

<evening>

{hero} felt <happy>. (A gift does not have to be perfect|Love is the best part of any present|What matters
    is the giving).
And every {month} since, {his} {kin} has worn the {hue} {cloth} <how>.
"""
