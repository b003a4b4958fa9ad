"""The texts of the fables, in the markup of fables_grammar: `@name` opens a rule. Words are in fables_words."""

SLOTS = {
    "hero": "name", "friend": "name", "rival": "name", "n1": "name", "n2": "name", "n3": "name",
    "kin": "kin", "elder": "elder", "e1": "elder", "town": "town", "hobby": "hobby", "toy": "toy", "hue": "hue",
    "place": "place", "animal": "animal", "look": "beast", "pet": "pet", "tool": "tool", "food": "food",
    "trouble": "trouble", "peril": "peril", "rule": "rule", "curio": "curio", "fragile": "fragile", "job": "job",
    "skill": "skill", "month": "month", "building": "building", "helper": "helper", "container": "container",
    "fear": "fear", "cloth": "cloth", "crop": "crop", "count": "count", "treasure": "treasure", "stuff": "stuff",
    "tree": "tree", "instrument": "instrument",
}  # fmt: skip

SHARED = """
@tale
= hero kin town hobby

Once upon a time, in the (town|village|valley) of {town}, there (lived|was) <person.a> {girl} (named|called) {hero}.
There was once <person.a>, <person2> {girl} (named|called) {hero}, who lived in {town}, (near|beside|not far from|just past) <scenic.a> <place>.
In {town}, where it was always <weather> in <month>, lived <person.a> {girl} (named|called) {hero}.
{hero} was <person.a> {girl} from {town}, where every (house|roof|door|gate|fence|shutter) was <hue> and every (garden|yard|window box|corner) was full of <flower.s>.
Long ago, when there were still <helper.s> in the <scenic> hills, <person.a> {girl} (named|called) {hero} lived in {town}.
<Everyone> in {town} knew {hero}, <person.a> {girl} who always wore <hue.a> <cloth>[, even on <weather> days].

{^he} lived with {his} {kin} in <scenic.a> (house|cottage|little house) (near|behind|beside|across from) the <building>, where <elder> <worked-at> <instrument.s>.
{^his} {kin} kept <beast.a> <animal>, <count> <bird.s>, <thing.a> <curio> and a <stuff> <container> of <treasure.s>.
At home there were only {hero}, {his} {kin}, <count> <bird.s> and <beast.a> <animal> named <pet>.
Every morning {his} {kin} made <dish> and <tasty> <food.s>, and every evening they (talked|read|sang songs|told each other stories) about <topic.s>.
{hero} shared a house full of <stuff> <curio.s> with {his} {kin}, who was <job.a>[ and was fond of <flower.s>].

{^he} (loved|liked|was happy) to {hobby}[, even when it was <weather>].
More than anything <in the world>, {he} (loved|liked) to {hobby}.
On <weather> days, {he} liked nothing (better|more) than {hobby.ing}.
{^his} favorite thing to do was to {hobby}, and {he} was <well> at it.
When other <children> played <game>, {hero} (preferred|liked) to {hobby}.

¶
<lost>
<help>
<forbidden>
<trade>
<contest>
<secret>
<wish>
<broken>
<afraid>
<gift>
<newcomer>
<shares>

@worked-at
(made|sold|mended|collected|played|repaired)

@in the world
in the (world|whole world|whole wide world)

@well
(very|quite|rather|really|surprisingly|wonderfully) good
(getting|slowly getting) better
the best in the (family|street|school)

@When
One <weather> <month> morning,
On <weekday> (morning|afternoon),
Early one <season> morning,
One <weather> day in <season>,
Late one <weather> afternoon,
(A week|<few> days) (before|after) {his} birthday,
When the <flower.s> (bloomed|opened|were out) in <month>,

@few
(two|three|four|five|six)

@crowd
= n1 n2 n3

{n1}, {n2} and {n3} were there, too, playing <game> with <beast.a> <animal> named <pet>.
{n1} had brought <tasty> <food.s>, {n2} had <hue.a> <toy>, and {n3} wore <stuff.a> <cloth>.
{n1} was <rest.ing> on <scenic.a> <landmark>, while {n2} and {n3} looked for <treasure.s> and <bug.s>.
Little {n1} showed {n2} and {n3} how to <skill>, and <elder> watched <how> from the <building>.
On the way {he} met {n1}, {n2} and {n3}, who were on a search for <scenic.a> <landmark> and <beast> <animal.s>.
"Where is {n1}?" {n2} was asking <tone>. / "At the <building> with {n3}," <said> <elder>, who was <chore>.

@scene
<beast.^a> <animal> was <rest.ing> beside <scenic.a> <landmark>, and <count> <bird.s> were <rest.ing> in <tree.a> tree.
Outside the <building>, <person.a> <job> was <chore>, and <bug.a> <move.ed> <how> (past|around|over) <thing.a> <curio>.
<elder> was selling <crop.s>, <flower.s>, <stuff> <tool.s> and <hue> <cloth.s> (outside|behind|beside) the <building>.
The window of the <building> was full of <thing> <curio.s>, <stuff> <toy.s>, <tasty> <food.s> and <hue> <flower.s>.
<vehicle.^a> loaded with <crop.s>, <treasure.s> and <stuff> <container.s> (rolled|rattled|went|rumbled) (past|by).
On the wall of the <building> (<job.a>|somebody) had painted <hue> <fish.s>, <count> <topic.s> and <beast.a> <animal>.
The air smelled of <taste>, <crop.s> and <flower.s>, and <instrument.a> (played|answered|could be heard) in the distance.
The wind <move.ed> <how> through the <tree> trees, and <count> <bug.s> and <bird.a> <move.ed> (after|before) it.

@way
{^he} passed <scenic.a> <landmark>, <scenic.a> <building> and <person.a> <job> in <hue.a> <cloth>.
{^he} <move.ed> <how> past the <building>, over <scenic.a> <landmark> and down a <road>, where <bird.a> was <rest.ing>.
{^he} counted <count> <bird.s>, <count> <bug.s> and one <beast> <animal> (along|on) the way.
<person.^a> <job> with <thing.a> <tool> and <hue.a> <cloth> (pointed|showed|told) {him} the way.

@road
(long|short|narrow|winding|dusty|muddy|sandy|stony) (road|path|lane|street|trail)

@evening
That evening {hero} told {his} {kin} (the whole story|everything|all about it) over <dish>, <crop.s> and <tasty.a> <food>.
For supper there were <tasty> <food.s>, <crop.s> and <dish>, and <elder> <move.ed> in with <stuff.a> <instrument> and (played|sang) <how>.
That night, {hero} dreamed of <beast> <animal.s>, <stuff> <vehicle.s> and <hue.a> <topic> that could <skill>.
At bedtime, {his} {kin} read {him} a story about <count> <helper.s>, <person.a> <job> and <thing.a> <curio> made of <substance>.
Afterward {he} was <hobby.ing> again[, <how>] (beside|under|behind) <scenic.a> <landmark>, and <bird.a> was <rest.ing> close by.

@finds
<thing.a> <curio>
<count> <treasure.s>
<stuff.a> <container> full of <crop.s>
<beast.a> <animal> and <count> <bird.s>
<hue.a> <cloth> that belonged to <job.a>

@says
said <tone>
<said>

@asks
asked <tone>
(asked|wondered|inquired|wanted to know)

@Everyone
(Everyone|Everybody)

@everyone
(everyone|everybody)

@nobody
(nobody|no one)

@somebody
(somebody|someone)

@children
(children|boys and girls|kids)

@wanted
(wanted|hoped|longed|wished)

@began
(began|started)

@At last
(At last|Finally|In the end|After a long while|At long last)

@Soon
(Soon|Before long|In no time|Not long after)

@Suddenly
(Suddenly|All of a sudden|All at once)

@The next day
(The next day|The next morning|The following day|A day later|On <weekday>)

@From then on
(From then on|From that day on|Ever after|After that)

@learned
(had learned|had found out|knew now|understood now|would never forget|always remembered)

@cried
(cried|wailed|gasped|sobbed|exclaimed|groaned)
"""

LOST = """
@lost
= friend toy hue place animal

{hero} had {hue.a} {toy}, and {he} took it everywhere, even to the <building>.
Of all {his} things, {hero} loved {his} {hue} {toy} the most.
For {his} birthday, {hero} had been given {hue.a} {toy} (wrapped in|tied up with|hidden under) <stuff> ribbon.
{^his} {kin} had made {him} {hue.a} {toy} (out of|from) <treasure.s> and <stuff> (scraps|pieces|buttons).

<When> {hero} took the {toy} to the <scenic> {place}, where {his} friend {friend} was <rest.ing>.
<When> {hero} and {his} friend {friend} <move.ed> to the <scenic> {place} to play <game>.
<When> {friend}, who was {hero}'s best friend, asked {him} to bring the {toy} to the <scenic> {place}.

<crowd>

<beast.^a> {animal} watched them <how> (from behind|from under|from beside) <scenic.a> <landmark>.
<nobody.^> noticed the <beast> {animal} that was <rest.ing> (near|behind|beside|under) <scenic.a> <landmark>.

¶
When it was time to go home, {hero} reached for the {toy}, but it was gone. {^he} felt <upset>.
They played <how> until sunset. Then {hero} looked around, and the {hue} {toy} was not there.
<Suddenly> {hero} (stopped|stood still|turned pale|looked down). The {toy} had (vanished|disappeared)!

"My {toy}!" <cried> {hero}, and {his} <body> <began> to (tremble|shake|itch|tingle).
{hero} felt so <upset> that {he} sat down (on|beside|behind) <scenic.a> <landmark> and cried.

"Don't be <upset>," <says> {friend}. "I promise we won't go home without it."
"I will help you look," {friend} <says>, "even if it takes <count> (hours|days|weeks|years)."

They looked behind <scenic.a> <landmark> and inside <stuff.a> <container>, but all they found was <finds>.
First they asked <person.a> <job>, who had seen only <finds> and <finds2>.
{friend} searched <how> and found <finds>, but no {toy}.

¶
Then {friend} heard a <faint> <sound>. It was the {animal}, <rest.ing> on top of the {hue} {toy}!
<At last> they followed some <faint> tracks past the {place}. There sat the {animal}, and beside it lay the {toy}.
Just then the {animal} <move.ed> by with something {hue} in its mouth. "That is my {toy}!" (cried|shouted|called) {hero}.

{friend} gave the {animal} <tasty.a> <food>, and it let the {toy} go.
The {animal} looked <upset>, so {hero} gave it <thing.a> <stuff> <container> to play with instead.
"You only wanted a friend, didn't you?" {hero} asked the {animal} <tone>, and it gave the {toy} back.

{hero} was so <glad> that {he} let {friend} carry the {toy} all the way back to {town}.
"Thank you, {friend}," <says> {hero}. "You kept your word. Tomorrow we will both play with the {toy}."
They <move.ed> <how> back to {town}, and the {hue} {toy} was <shared> by both of them ever after.

<evening>

{hero} <learned> that (a lost {toy} can be replaced, but a friend like {friend} cannot|a friend who helps you search is worth more than any {toy}|two pairs of eyes are better than one|nothing is truly lost while you have a friend).
And the {animal}? It came to the {place} every <weekday>, hoping for another {toy}.
"Things get lost," {his} {kin} <says>, "but good friends like {friend} always turn up."

@finds2
<hue.a> <bug>
one <fish>
the <weather> sky

@faint
(soft|faint|tiny|strange|muddy|funny|fresh|curious|small)

@shared
(shared|loved|carried)
"""

HELP = """
@help
= animal look pet trouble peril tool food

<When> {hero} packed {food.a} and {tool.a} and set out to visit <person.a> <job> in the next (town|village|valley).
In {his} <stuff> <bag> {hero} always carried {tool.a}, and that (morning|day) {he} had packed {food.a} as well.
{^his} {kin} sent {hero} to the <building> with {tool.a}, and gave {him} {food.a} for the (road|walk|journey).

<way>
<crowd>

Near <scenic.a> <place>, {he} heard a (sad|soft|small|strange) <sound>. {look.^a} {animal} was {trouble}!
<Suddenly> {he} saw {look.a} {animal}. The poor thing was {trouble}.
Then <somebody> called <how> for help. It was {look.a} {animal}, and it was {trouble}.

¶
"Please help me," <says> the {animal}. "My name is {pet}, and I have been here for <count> (hours|days)."
"I am {pet}," the {animal} <says>. "<Everyone> walks past me, even <elder>. I feel so <upset>."
"What is your name?" <asks> {hero}. / "{pet}," <says> the {animal}. "<elder> went right past me."

With {his} {tool}, {he} worked <how> until {pet} was free. Then {he} shared {his} {food} with the {animal}.
First {he} gave {pet} the {food}. Then {he} took the {tool} and <how> set the {animal} free.
{^he} used the {tool} to free {pet}, and together they ate the {food} (beside|under|behind) <scenic.a> <landmark>.

"You are (kinder|braver|nicer|better) than <job.a>," <says> {pet}. "One day I will help you, too." How could {look.a} {animal} help {him}?
"I will never forget this," {pet} (promised|vowed), and <move.ed> away <how>.

¶
<count.^> (days|weeks|months) later, {hero} was {peril}. {^he} called <how>, but <nobody> came.
Then, one <weather> <month> (night|evening), {hero} was {peril}. {^he} felt <upset> and all alone.
Not long after that, {hero} was {peril}, with nothing but <thing.a> <container> and {his} {tool}.

It grew dark, and {he} could hear only <bug.s>, <bird.a> and the <weather> wind.
{^he} thought of {his} {kin} at home, of <tasty> <food.s>, <dish> and <crop.s>, and (wiped|dried|rubbed) {his} eyes.

"{hero}!" called a voice. It was {pet}! "You helped me when I was {trouble}," <says> the {animal}. "Now it is my turn."
But {pet} the {animal} had heard {him}. "You came when I was {trouble}," it <says>. "So I came, too."
Then <beast.a> nose came out of the dark, and there stood {pet}, the {animal} that had once been {trouble}.

¶
{pet} knew every path, and <soon> they were safely back in {town}.
The {animal} (led|guided|took) {hero} <how> past <scenic.a> <landmark> and <count> <tree> trees, all the way home to {town}.

<evening>

"Kindness finds its way back," {his} {kin} <says>, and set a <stuff> plate for {pet} beside {hero}'s chair.
And so {hero} learned that (no friend is too small|no kind deed is ever wasted|whoever gives help will find help|even {look.a} {animal} can be a hero).
<From then on>, {hero} and {pet} the {animal} were the best of friends, and whenever {hero} had {food.a}, {he} gave {pet} half.

@bag
(bag|basket|backpack|satchel|pouch)

@soon
(soon|before long|in no time)
"""

FORBIDDEN = """
@forbidden
= place rule friend curio

{^his} {kin} had only one rule. "Never go to the {place} {rule}," {kin.he} always said.
"You may play anywhere," {his} {kin} often told {him}, "but you must not go to the {place} {rule}."
There was only one thing that {hero} was not allowed to do: {he} must never go to the {place} {rule}.

<When> {his} friend {friend} <move.ed> up <how>. "They say there is {curio.a} at the {place}," {friend.he} <said>. "Let's go and find it!"
<When> {hero} met {friend}, {his} best friend, (near|behind|outside) the <building>. "Come with me to the {place}," <says> {friend}. "<Somebody> has hidden {curio.a} there!"
<When> {his} friend {friend} told {him} a story. At the {place}, <person.a> <job> had lost {curio.a}, and <nobody> had (dared|tried|bothered) to look for it.

¶
<disobeys>
<obeys>

@Somebody
(Somebody|Someone|<elder>)

@disobeys
"I am not allowed to go there {rule}," <says> {hero}. Still, {he} <wanted> to see the {curio} so much that {he} <move.ed> after {friend}.
{hero} knew the rule very well, but {he} thought about the {curio}, and {his} feet <move.ed> off <how> all by themselves.

<way>
<crowd>

At the {place} they found <finds>, but no {curio}. Then {hero} (slipped|stumbled|tripped) and (fell|tumbled|dropped) into a <deep> hole.
It was <weather> at the {place}. {hero} (climbed|stepped|crawled) <how> over <scenic.a> <landmark>, and with a loud <sound> the ground gave way under {him}.

"{friend}, help!" {he} <cried>. But {friend} was too <upset> to move.
{^his} <body> hurt, and {he} felt <upset>. "If only I had listened," {he} <cried>.

¶
{friend} <move.ed> <how> to fetch {hero}'s {kin}, who came at once with <tool.a> and (pulled|lifted|hauled) {him} out.
Luckily, <person.a> <job> heard the <sound> and called {hero}'s {kin}, who pulled {him} out with <stuff.a> <tool>.

"I am sorry," <says> {hero}. "You told me not to go to the {place} {rule}, and I did."
"Are you angry?" <asks> {hero}. / "I was frightened," <says> {his} {kin}. "I told you never to go there {rule} because I love you."

<evening>

{hero} never went to the {place} {rule} again, and <nobody> ever found the {curio}.
<From then on>, {hero} listened to {his} {kin}. (Some rules are there to keep us safe|No {curio} is worth a broken promise|A rule is easier to keep than to mend).
"A rule is like <stuff.a> fence," {his} {kin} told {him} <tone>. "It is not there to shut you in, but to keep you safe."

@deep
(deep|dark|wet|cold|muddy|narrow)

@obeys
= trouble

"No," <says> {hero}. "I promised my {kin} that I would not go there {rule}."
{hero} <wanted> to see the {curio}, but {he} remembered the rule. "I can't go to the {place} {rule}," {he} <says>.

"Then I will go alone!" <said> {friend}, and <move.ed> off <how>.
"You are no fun," {friend} (grumbled|muttered|complained|said), and <move.ed> away <how>.

So {hero} stayed at home and tried to {hobby}, but {he} felt <upset>.
{hero} ate <tasty.a> <food>, <crop.s> and <dish>, but nothing tasted good without {friend}.

<scene>

¶
When {friend} was still gone after <few> hours, {hero} told {his} {kin} (everything|the truth|about the {curio}).
Then {he} heard a far-off <sound>. "That came from the {place}!" {hero} called to {his} {kin} <tone>. "{friend} is in trouble!"

Together they <move.ed> to the {place} with <tool.a>. There was {friend}, {trouble}.
With <tool.a> and <stuff.a> lantern, they searched the {place} <how> until they found {friend}, {trouble}.

"You were right, {hero}," <says> {friend} when {friend.he} was free. "There was no {curio}, only <finds>."
"Thank you for coming," {friend} <says>. "I would give <count> <treasure.s> never to be {trouble} again."

¶
"You did two good things today," <says> {hero}'s {kin}. "You kept your word, and you (did not forget|looked after|helped) your friend."
{hero} was <glad> that {he} had kept the rule. It takes (courage|strength|a brave heart) to say no, even to a good friend like {friend}.
<From then on>, {friend} never went to the {place} {rule} either, and the two of them stayed (close|good|true) friends.
"No {curio} in the world is worth as much as a kept promise," <says> {hero}'s {kin}, and gave both of them <tasty> <food.s> and <dish>.
"""

TRADE = """
@trade
= curio building toy hue tool food friend elder job

<When> {hero} saw {curio.a} in the window of the {building}. It was just the thing for {his} {kin}'s birthday, but {he} had no money.
{hero} <wanted> to give {his} {kin} a present. In the window of the {building} stood {curio.a}, but it cost <count> coins, and {hero} had none.

All {he} (had|owned) was {hue.a} {toy}. "I will see what I can get for it," {he} thought <how>.
{^he} turned out {his} pockets and found <count> <treasure.s> and {hue.a} {toy}.

<scene>
<way>

¶
First {he} met {his} friend {friend}, who was (holding|carrying|cleaning) <thing.a> {tool}. "I would love to have {hue.a} {toy}," <says> {friend}. "Will you trade?"
{his.^} friend {friend} was <rest.ing> (beside|on|behind) <scenic.a> <landmark> with <thing.a> {tool}. "What a lovely {toy}!" {friend} <says>. "Would you take my {tool} for it?"

It was hard to say goodbye to the {toy}, but {hero} thought of {his} {kin} and (said yes|agreed|nodded) <how>.
{hero} looked <how> at the {toy} one last time and nodded. Now {he} had {tool.a}.

¶
Next {he} came to {elder}, who was <chore>. "If only I had {tool.a}!" <says> {elder}. "I would give you <tasty.a> {food} for one."
At the <scenic> <place> {he} found {elder} looking <upset>. "My {tool} is broken," {elder.he} <says>. "I have nothing to offer for yours but <tasty.a> {food}."

So {hero} traded the {tool} for the {food}. It smelled of <taste>, and {his} tummy (rumbled|growled|grumbled), but {he} did not take a bite.
{hero} gave {elder} the {tool} and got the {food}, still warm and smelling of <taste>.

{elder.^} was so <glad> that {elder.he} <move.ed> around <scenic.a> <landmark> and (sang|whistled|danced) <how>.
"You have a <person> heart," {elder} <says>, and added <count> <treasure.s> for luck.

¶
<At last> {he} reached the {building}. Inside sat <person.a> {job} who had not eaten all day. "I would give anything for {food.a}," <said> the {job}.
The {job} at the {building} was hungry and <upset>. "I have <count> <curio.s>," <says> the {job}, "but not one {food} in the whole house!"

"Would you give me the {curio} for it?" <asks> {hero}. The {job} took the {food} <how> and wrapped up the {curio} in <hue> paper.
{hero} held out the {food} <how>, and the {job} put the {curio} into {his} hands.

¶
And so a {hue} {toy} became {tool.a}, the {tool} became {food.a}, and the {food} became {curio.a}.
First the {toy}, then the {tool}, then the {food}, and now the {curio}! {hero} <move.ed> home <how>.

{^his} {kin} felt <glad>. "It is not the {curio} that makes me <glad>," {kin.he} <said>, "but that you gave up your {toy} for me."
When {his} {kin} unwrapped the {curio}, {kin.he} (hugged|kissed) {hero} <how> and felt <glad>.

<The next day> {friend} came by. "Let's both play with the {toy}," {friend.he} <says>. (Good trades make good friends|Those who give get something back|A fair trade makes both sides happy).
{hero} <learned> that (a fair trade makes everyone happy|with patience a little can become a lot|what you give away with love comes back).
"""

CONTEST = """
@contest
= skill month rival curio stuff

Every {month} there was a {skill.ing} contest in {town}. The prize was {stuff.a} {curio}.
In {month}, <hue.a> sign went up outside the <building>: "{skill.^ing} contest! The winner gets {stuff.a} {curio}!"

{hero} had (never really|only just|never quite) learned to {skill}, but {he} <wanted> to win that {curio} more than anything.
"I want to win the {stuff} {curio}," {hero} told {his} {kin} <tone>, "but I can hardly {skill}."

"Then practice," <says> {his} {kin}. "Nobody learns to {skill} in a day."
{=elder}{elder}, who had won the contest <count> times, promised to teach {him}. "Practice every day," <says> {elder}, "and never give up."

¶
So {hero} practiced in the <room> and at the <scenic> <place>, in <weather> weather and in the dark.
From <month> to <month2> {hero} practiced <how>, until {his} <body> ached and even <beast.a> <animal> stopped to watch.
Every <weekday> {he} practiced <how> beside <scenic.a> <landmark>, with <beast.a> <animal> and <count> <bird.s> looking on.

{rival}, who could {skill} better than <elder>, only (laughed|grinned|yawned). "I don't need to practice," <says> {rival}.
"Why do you bother?" <asks> {rival}, who had won the year before. "<nobody.^> can {skill} like me."

Some days {he} felt <upset> and <wanted> to stop, but {he} ate <tasty.a> <food> and went on.
{^his} {kin} brought {him} <tasty> <food.s>, <crop.s> and <dish>, and {he} went on <how>.

¶
The day of the contest was <weather>. <person.^a> <job>, <guest.a> and <count> <children> came to see it.
On the great day, <hue> flags flew from the <building>, and the whole town smelled of <taste> and <food.s>.

<crowd>

<wins>
<stops>

@month2
(the end of <month>|the first snow|the last day of school|the week of the contest)

@wins
{rival} went first, <how> and without a care, and (forgot|missed|mixed up) the most important part.
When it was {rival}'s turn, {rival.he} <began> <how>, but {rival.he} had not practiced, and <soon> everything went wrong.

Then came {hero}. {^he} took a deep breath and remembered all that practice. When {he} finished, the <job.s> (cheered|clapped|danced) <how>.
Then it was {hero}'s turn. {^his} <body> shook, but {he} had practiced so much that it felt as easy as {hobby.ing}.

¶
{hero} won the {stuff} {curio}! {rival} looked <upset>, so {hero} <move.ed> over. "I can show you how I practiced," {he} <says>.
"The winner is {hero}!" (called|shouted|announced) <job.a>. {rival} came up <how>. "Next {month} I will practice, too," <said> {rival}.

The {stuff} {curio} still stands in the <room>. It reminds {hero} that (practice is stronger than luck|hard work beats boasting|those who practice need not boast).
And whenever <somebody> says that it is too hard to {skill}, {hero} points at the {curio} and says, "Practice!"

@stops
{hero} was doing better than anyone. But then {he} saw {rival} (fall|stumble|trip) with a terrible <sound>, and {he} stopped to help.
{hero} was just about to win when {rival} hurt {rival.his} <body>. {hero} <move.ed> back at once.

"Are you all right?" {he} asked <tone>. / "You will lose because of me," <says> {rival}. / "I don't mind," <said> {hero}.
"Go on!" {rival} (cried|said|groaned). "You can still win the {curio}!" But {hero} shook {his} head <how> and stayed.

¶
{hero} came in last. The {stuff} {curio} went to <person.a> child from <town>, but <job.a> gave {hero} <hue.a> ribbon for kindness.
<Somebody> else won the {curio}, but the people of {town} clapped for {hero} until their hands were sore.

{rival} felt <upset> about boasting. "You are the real winner," {rival.he} <said>, and <From-then> they practiced together.
<The next day> {rival} brought {hero} <tasty.a> <food>. "Teach me to be as kind as you," {rival.he} <says>.

"I am <glad>," {his} {kin} <said>. "(A good heart is worth more than any {curio}|Anyone can win, but not everyone can stop to help|There will be another contest, but kindness can't wait)."
And {hero}? {^he} learned that (helping is better than winning|a friend is a better prize than {stuff.a} {curio}|kindness is a prize in itself).

@From-then
(from then on|from that day on|ever after)
"""

SECRET = """
@secret
= friend place container stuff treasure count rival

<When> {hero}'s friend {friend} took {him} to the <scenic> {place}. There, under <thing.a> <landmark>, was {stuff.a} {container}.
<When> {friend}, the best friend {hero} ever had, led {him} <how> to the {place} and dug up {stuff.a} {container}.

Inside were {count} {treasure.s}. "I have never shown them to anyone," <says> {friend}.
"Look," {friend} <said>, and opened it <how>. Inside lay {count} {treasure.s} that {friend.he} had found all by {friend.himself}.

"Promise not to tell," <says> {friend}. / "I promise," <says> {hero}.
"It is our secret," {friend} <says>. "Will you keep it?" {hero} put {his} hand on {his} heart and nodded <how>.

<scene>

¶
<The next day> {rival} stopped {hero} outside the <building>. "What is hidden at the {place}?" <asks> {rival}. "Tell me, and I will give you <thing.a> <toy>."
But <person.a> {rival.girl} (named|called) {rival} had seen them. "I know that you have a secret at the {place}," {rival} <says>. "If you tell me, you may have my <hue> <toy>."

<keeps>
<tells>

@keeps
{hero} would have loved to have that, but {he} thought of {friend} and shook {his} head <how>. "A promise is a promise," {he} <says>.
"I can't," <says> {hero}. "I gave my word." {^he} felt <upset>, but {he} kept {his} mouth shut.

{rival} asked again on <weekday>, with <tasty.a> <food>, <count> <crop.s> and <hue.a> <cloth>. {hero} only (smiled|shrugged|laughed).
{hero} <move.ed> home to {hobby}, and (said nothing|did not say a word), not even to {his} {kin}.

¶
When {friend} heard about it, {friend.he} was so <glad> that {friend.he} gave {hero} one of the {count} {treasure.s}.
{friend} had been <rest.ing> behind <scenic.a> <landmark> and had heard every word. "Now I know that I can trust you," <says> {friend}.

Later they showed {rival} how to look for {treasure.s}, too, and {rival} found <few> of them <how>.
"Let's ask {rival} to join us," {friend} <says>. <Soon> all three of them were digging at the {place}.

<evening>

{hero} <learned> that (a kept promise is worth more than any toy|a friend's trust is the greatest treasure|a secret is safe with a true friend).
To this day, {hero} has never told anyone where the {stuff} {container} is. And we won't tell, either.

@tells
{hero} (thought about it|bit {his} lip|looked at {his} shoes). Then, before {he} could stop {himself}, {he} <how> told {rival} about the {container}.
"It is only a {container} with {treasure.s} in it," {hero} <says>. The moment the words were out, {he} felt <upset>.

¶
When {hero} and {friend} <move.ed> back to the {place}, the {stuff} {container} was empty. All the {treasure.s} were gone!
That (afternoon|evening|night) {friend} found the {stuff} {container} lying open at the {place}. "Who took my {treasure.s}?" {friend.he} <cried>.

{hero} could not look up. "I told {rival}," {he} <said>. "I broke my promise, and I am sorry."
"It was my fault," <says> {hero}, and told {friend} everything. {friend} was too <upset> to speak.

{hero} <move.ed> to {rival}'s house and gave {rival} {his} own <hue> <cloth>, and got the {count} {treasure.s} back.
All week {hero} searched <how> near <scenic.a> <landmark>, until {he} had found {count} new {treasure.s} for {friend}.

¶
"I forgive you," {friend} <says> <at last>, "but next time, keep your word."
It took <count> days before {friend} smiled at {him} again. Then they hid the {stuff} {container} beside <scenic.a> <landmark>, far from the {place}.

<evening>

{hero} <learned> that (a promise is easy to break and hard to mend|a broken promise hurts a friend|some words should stay unsaid).
"Trust is like <stuff.a> <fragile>," {his} {kin} <says>. "It is hard to mend, so handle it with care."

@at last
(at last|in the end|after a while)
"""

WISH = """
@wish
= helper container stuff hue place

<When> {hero} found {stuff.a} {container} near the {place}. {^he} opened it <how>, and out (jumped|flew|climbed|tumbled) {hue.a} {helper}!
<When> {he} was <rest.ing> by the {place} when {he} heard a <sound> from inside {stuff.a} {container}. {hero} opened it, and there sat {hue.a} {helper}.

"Thank you!" <says> the {helper}. "I was shut in that {container} for <count> years. Now you may have one wish."
"You set me free," the {helper} <says>, "so I will grant you a wish. But choose with care!"

{hero} thought of <curio.a>, of <stuff.a> palace with <count> <room.s> and of a ride on <beast.a> <animal>.
"Can I wish for anything?" <asks> {hero}. / "Anything but <weather> weather and <topic.s>," <says> the {helper}.

¶
<food-wish>
<animal-wish>

@food-wish
= food

"I wish for as many {food.s} as I can eat!" {he} <said>. The {helper} (nodded|clapped|whistled) <how>, and a {food} dropped from the sky. Then came another.
{hero} was hungry. "I wish it would rain {food.s}!" {he} <says>. With a <sound>, the first {food} landed at {his} feet.

{hero} ate <count> {food.s} <how>, and they were all <tasty>.
"How <tasty> they are!" {hero} <said>, and ate <how>, one {food} after another.

<crowd>

But the {food.s} did not stop. They filled the <room>, buried <furniture.a> and rolled (past|over|into) the <building>.
<Soon> there were {food.s} on every roof in {town}. Even <job.a> got stuck between them, and <nobody> could find <scenic.a> <landmark> anymore.

¶
{^his} tummy hurt, and {his} {kin} could not get out of the house. {hero} felt <upset>.
"Make it stop!" (cried|begged|shouted) {his} {kin} from the <room>, with <tasty.a> {food} on {kin.his} <body>.

{hero} <move.ed> back to the {place} and called the {helper}. "Please take the {food.s} away," {he} (begged|pleaded|said) <tone>.
"{helper.^}, dear {helper}!" {hero} called <how> at the {place}. "I have had enough {food.s} for <count> years!"

The {hue} {helper} (laughed|smiled|grinned) <how>, and with a <sound> every {food} was gone[ except one].
"I thought so," <says> the {helper}, and climbed <how> back into the {stuff} {container}. The {food.s} were gone.

<evening>

{hero} <learned> that (enough is as good as a feast|too much of a good thing is no good at all|one {food} with friends is better than a mountain of {food.s} alone).
Since then, {hero} has been happy with one {food} at a time.

@animal-wish
= animal look

"I wish for {look.a} {animal} of my own!" {he} <said>. The {helper} (nodded|clapped|whistled) <how>, and there stood {look.a} {animal}.
{hero} had always wanted a pet. "Please, may I have {look.a} {animal}?" {he} <asks>, and with a <sound> there it was.

They <move.ed> <how> past the <building> and played <game> with <elder>.
{hero} gave it <dish>, <crop.s> and <tasty> <food.s>, and showed it to <everyone> in {town}.

<crowd>

But the {animal} did not sleep at night. It sat by the window, <rest.ing> <how>, and looked <upset>.
But <soon> the {animal} stopped eating. It only looked toward the {place} and made a (sad|soft|lonely) <sound>.

¶
"Don't you like it here?" <asks> {hero}. / "I miss my family," <says> the {animal}. "They live far beyond the {place}."
"I think it is homesick," {his} {kin} <says>. "How would you feel, far from {town} and without me?"

{hero} felt <upset>. {^he} <move.ed> to the {place} and called the {helper}. "Please send my {animal} home," {he} <says>.
So {hero} put {his} arms around the {look} {animal} and took it to the {place}, where the {hue} {helper} was <rest.ing>. "I wish it were back with its family," {he} <says>.

"That is a better wish than the first," <says> the {helper}. There was a <sound>, and the {animal} was gone.
The {helper} nodded <how>. "Wishes made for others are always free," <says> the {helper}, and climbed back into the {stuff} {container}.

<evening>

{hero} <learned> that (love means letting go|a friend is not a thing to own|the best wishes are made for others).
Every <season>, {look.a} {animal} comes to visit {hero} in {town}, and it always brings <count> little ones.
"""

BROKEN = """
@broken
= fragile hue friend pet animal

{^his} {kin} had {hue.a} {fragile}, a present from <person.a> <job>, and loved it very much.
In the <room> stood {hue.a} {fragile}, which {his} {kin} had (brought home|bought|carried all the way) from <town>.

<When> {hero} and {his} friend {friend} played <game> in the <room2>, although they were not allowed to.
<When> it was too <badly> to go out, so {hero} and {his} friend {friend} played <game> indoors.

{hero} <move.ed> <how> (around|past|behind) the <furniture>, and then there was a loud <sound>. The {fragile} lay on the floor in <count> pieces!
"Watch me!" {hero} (called|shouted|cried), and <move.ed> <how> into the {hue} {fragile}. With a <sound>, it broke.

¶
"Let's say that {pet} did it," <says> {hero}. {pet} was {elder-s} <beast> {animal}, and it was <rest.ing> by the door.
Just then {pet} the {animal} looked <how> in at the window. "We can say it was {pet}," {hero} told {friend}. "Please don't tell!"

When {his} {kin} came in with <crop.s> and <dish>, {hero} pointed at the {animal}. "It was {pet}," {he} <says>.
"Who broke my {fragile}?" <asks> {his} {kin}. / "{pet} the {animal} did," <said> {hero}, and {his} <body> turned red.

So {pet} was (tied up|shut) in the <room>, and there it sat, <rest.ing> and looking <upset>.
{^his} {kin} scolded {pet} <tone>, and the poor {animal} <move.ed> away and hid behind <scenic.a> <landmark>.

¶
That night {hero} heard {pet} <rest.ing> outside, and {he} felt <upset>. {^he} dreamed of <topic.s>, <beast> <animal.s> and <stuff> <fragile.s>.
{hero} tried to {hobby}, but it was no fun. Whenever {he} closed {his} eyes, {he} saw {pet}, <rest.ing> <how>.
At supper there were <tasty> <food.s>, <crop.s> and <dish>, but {hero} could not eat a bite. {friend} looked <upset>, too.

"We have to tell the truth," <says> {friend} the next (day|morning). "{pet} did nothing wrong."
In the (morning|end), {hero} could not bear it any longer. {^he} <move.ed> to {his} {kin} <how>.

"It was me," {hero} <says>. "I broke your {hue} {fragile}, and I let {pet} take the blame. I am sorry."
"{pet} did not break the {fragile}," {he} <says>. "I did, when {friend} and I played in the house."

¶
{^his} {kin} was quiet for a while. "A {fragile} can be mended," {kin.he} <says>, "but a lie makes cracks that you cannot see."
"Thank you for telling the truth," {his} {kin} <says>. "I am <glad>. That took more courage than any lie."

Together they <how> glued the {fragile}, and {pet} got <tasty.a> <food>, <crop.s> and <hue.a> <cloth>.
{hero} brought {pet} <count> <food.s> and <dish>. "I am sorry, {pet}," {he} <says>, and the {animal} licked {his} <body>.

{hero} <learned> that (the truth may be hard, but a lie is heavier|blaming somebody else only makes things worse|an honest word mends more than glue).
You can still see the <count> cracks in the {hue} {fragile}. They remind {hero} to tell the truth.

@room2
(kitchen|hallway|dining room|living room|parlor|library|study|playroom)

@badly
(wet|cold|stormy|windy|rainy|foggy|snowy|frosty|hot|icy|muggy|gusty|sultry|chilly)
"""

AFRAID = """
@afraid
= fear friend place peril

There was only one problem: {hero} was afraid of {fear}.
But {he} had a secret that only {=n3}{n3} and <elder> knew. {^he} was terribly afraid of {fear}.
{hero} was not afraid of <beast> <animal.s> or <helper.s>, but {he} was very much afraid of {fear}.

When other <children> (talked about|drew pictures of|told stories about|made jokes about) {fear}, {he} hid (under|behind) the <furniture> and felt <upset>.
"<Everyone> is afraid of something," <job.a> told {him} <tone>. "I am afraid of (my own shadow|school|the neighbor's cat|cold porridge|long words|being late|empty rooms)."
{^his} {kin} gave {him} <hue.a> <toy>, <treasure.s> and <tasty> <food.s>, but nothing helped.

¶
<When> {his} friend {friend} <move.ed> by with <tasty.a> <food> and said <tone>, "I am going to the {place} to look for <treasure.s>."
<When> {his} friend {friend} set out for the <scenic> {place} with <stuff.a> <container> to gather <crop.s> and <flower.s>.

<scene>

Evening came, but {friend} did not come home. Was {friend.he} {peril}?
By (sunset|supper|nightfall), {friend} was still not back. "I heard a cry," <says> <job.a>. "I think <somebody> is {peril}!"

<person.^a> <job> and <person.a> <guest> went to look with <count> <tool.s>, but they <move.ed> the wrong way.
{hero} looked out the window. It was <weather>, and <bird.a> <move.ed> <how> (past|around) <scenic.a> <landmark>.

{hero} thought of {fear}, and {his} <body> <began> to (shake|tremble). Then {he} thought of {friend}, put on <hue.a> <cloth> and <move.ed> out <how>.
"I am afraid of {fear}," {hero} said to {his} {kin} <tone>, "but {friend} needs me." {^he} took <tool.a> and <stuff.a> lantern and <move.ed> off.

¶
<way>
With every step {he} said to {himself} <tone>, "I am <person>, I am <person>, and {friend} is my friend."

There was {friend}, all alone and {peril}. "You came!" {friend.he} <said>. "Weren't you afraid of {fear}?"
"{friend}!" {he} called <how>, until a small voice answered. {friend} was {peril}.

"I was more afraid of losing you," <says> {hero}. {^he} took {friend}'s hand and <how> led the way home.
"I am still afraid of {fear}," {hero} <says>, "but not when we are together." Hand in hand they <move.ed> back to {town}.

¶
The people of {town} were so <glad> that they baked {hero} <count> <tasty> <food.s>.
{^his} {kin} hugged them both <how> and gave them <dish>, <crop.s> and <tasty> <food.s>.

{hero} <learned> that (being brave means being afraid and going on anyway|courage grows when a friend needs you|love is stronger than fear).
Is {hero} still afraid of {fear}? A little. But now {he} knows how brave {he} can be.
"Who is afraid of {fear} now?" <asks> {friend}. And they both laughed until their <body.s> hurt.
"""

GIFT = """
@gift
= month cloth hue friend food

In {month} it was {his} {kin}'s birthday, and {hero} <wanted> to make a present all by {himself}.
"What would you like for your birthday in {month}?" <asks> {hero}. / "Nothing that costs money," {his} {kin} <says>.

{^he} decided to make {hue.a} {cloth}. {^his} friend {friend} had <count> (balls|boxes|bags) of {hue} wool and <stuff.a> <container> of <treasure.s>.
"I will make {hue.a} {cloth}," {he} told {his} friend {friend} <tone>. "{kin.^} will look like <job.a> in it!"

<scene>

¶
For <count> days they worked <how> in the <room>. {friend} held the <tool>, and {hero} did the sewing.
They (stitched|snipped|knotted|measured|sewed) <how>, and hid the work (in|behind) <stuff.a> <container> whenever <elder> <move.ed> by.

But when the {cloth} was finished, one side was long and the other was short, and there was a hole as big as <food.a> in the (middle|back|front).
<At last> it was done. But oh, the {cloth} had come out so small that it would only fit <beast.a> <animal>!
The {hue} {cloth} was almost ready when <beast.a> <animal> <move.ed> in and (chewed|tore|stepped) right through it.

"It is ruined!" <cried> {hero}. {^he} felt <upset> and <wanted> to throw the {cloth} away.
{hero} felt so <upset> that {he} kicked <furniture.a>. "Now I have nothing to give," {he} <says>.

"Then let's bake {food.a} as well," <says> {friend}. "We still have time before supper."
"Wait," <says> {friend}. "We can put <count> <stuff> buttons on it. And who doesn't like {food.a}?"

They mixed and stirred <how>, but the {food} came out <burnt> and (flat|black|lopsided|hard as a rock).
The {food} smelled of <taste> and <burnt> <crop.s>, and (looked|was) as hard as <substance>.

¶
On the birthday, <person.a> <job> brought <thing.a> <curio>, and <person.a> <guest> brought <hue> <flower.s>. {hero} hid {his} present <how>.
The guests came with <thing.a> <curio>, <stuff.a> <tool> and <count> <flower.s>. {hero} <wanted> to hide behind the <furniture>.

"And what is that?" <asks> {his} {kin}. <how.^>, {hero} held out the {hue} {cloth} and the {food}.
But {his} {kin} had seen the {cloth}. {kin.^he} <how> put it on and took a big bite of the {food}.

"I have never had a better present," {kin.he} <says>. "Every stitch was made with love."
"{cloth.^a} from a shop is only {cloth.a}," {kin.he} <says>, "but this one was made by you and {friend}."

<evening>

{hero} felt <glad>. {^he} <learned> that (a gift does not have to be perfect|love is the best part of any present|what matters is the giving).
And every {month} since, {his} {kin} has worn the {hue} {cloth}.

@burnt
(burnt|salty|sticky|sour|crumbly)
"""

NEWCOMER = """
@newcomer
= friend town2 hue cloth instrument rival

<When> <person.a> new {friend.girl} came to the school in {town}. {friend.^his} name was {friend}, and {friend.he} wore {hue.a} {cloth}.
<When> a family from the far-off <scenic> land of {town2} moved in. Their child, {friend}, wore {hue.a} {cloth} and spoke to <nobody>.

The other <children> laughed. "Look at that {cloth}!" <said> {rival}. "Only <job.a> would wear {hue.a} {cloth}!"
{rival} pointed at {friend} and whispered, and <soon> <everyone> was laughing <how> at the {hue} {cloth}.

{friend} <move.ed> away <how> and sat down (beside|behind|under) <scenic.a> <landmark>, looking <upset>.
At recess {friend} stood all alone by <scenic.a> <landmark> and ate <tasty.a> <food> and <crop.s>.
"""
