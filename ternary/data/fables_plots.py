"""The texts of the fables, in the markup of fables_grammar: `@name` opens a rule. Words are in fables_words."""

SLOTS = {
    "hero": "name", "friend": "name", "rival": "name", "n1": "name", "n2": "name", "n3": "name",
    "kin": "kin", "elder": "elder", "town": "town", "town2": "town", "hobby": "hobby", "toy": "toy", "hue": "hue",
    "place": "place", "animal": "animal", "look": "beast", "pet": "pet", "tool": "tool", "food": "food",
    "trouble": "trouble", "peril": "peril", "rule": "rule", "curio": "curio", "fragile": "fragile", "job": "job",
    "skill": "skill", "month": "month", "building": "building", "helper": "helper", "container": "container",
    "fear": "fear", "cloth": "cloth", "crop": "crop", "count": "count", "treasure": "treasure", "stuff": "stuff",
    "tree": "tree", "instrument": "instrument",
}  # fmt: skip

SHARED = """
@tale
= hero kin town hobby

Once upon a time, in the (town|village|valley) of {town}, there (lived|was) <person.a> {girl} named {hero}, who had <hue.a> <cloth> and <beast.a> <animal>.
There was once <person.a> {girl} with <hair> hair and <thing.a> <cloth>, who lived in {town} and was (named|called) {hero}.
In {town}, near <scenic.a> <place>, lived <person.a> {girl} (named|called) {hero} with {his} <stuff> <toy.s> and <beast.a> <animal>.
{hero} was <person.a> {girl} from {town}, where every (house|roof|door|gate|fence) was <hue> and every (garden|yard|corner) full of <flower.s>.
Long ago, when there were still <helper.s> in the <scenic> hills, <person.a> {girl} (named|called) {hero} lived in {town}.
<Everyone> in {town} knew {hero}, <person.a> {girl} who always wore <hue.a> <cloth>[, even on <weather> days].

{^he} lived with {his} {kin} and <beast.a> <animal> behind <scenic.a> <building>, and {he} loved to {hobby}.
{^his} {kin} kept <beast.a> <animal>, <count> <bird.s> and <thing> <curio.s>, but {hero} liked best to {hobby}.
At home, with {his} {kin} and <beast.a> <animal> named <pet>, {he} liked to {hobby} and talk about <topic.s>.
With {his} {kin}, <person.a> <job>, {he} often ate <tasty> <food.s>, but most of all {he} loved to {hobby}.
On <weather> days {he} liked to {hobby}, while {his} {kin} made <dish>, <crop.s> and <tasty> <food.s>.

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

@hair
(red|black|brown|curly|long|short|golden|straight|wild|tangled|blond|dark)

@When
One <weather> <month> morning,
On <weekday> (morning|afternoon),
Early one <season> morning,
One <weather> day in <month>,
Late one <weather> <weekday>,
<few.^> days (before|after) {his} birthday,
When the <flower.s> (bloomed|opened|were out) in <month>,

@crowd
= n1 n2 n3

{n1}, {n2} and {n3} were there, too, playing <game> with <beast.a> <animal> named <pet>.
{n1} had <tasty> <food.s>, {n2} had <hue.a> <toy>, and {n3} wore <stuff.a> <cloth>.
{n1} was <rest.ing> on <scenic.a> <landmark>, while {n2} and {n3} looked for <treasure.s> and <bug.s>.
Little {n1} showed {n2} and {n3} how to <skill>, and <elder> watched <how> from <scenic.a> <landmark>.
{n1}, {n2} and {n3} <move.ed> by <how>, looking for <scenic.a> <landmark> and <beast> <animal.s>.
"Where is {n1}?" {n2} was asking <tone>. / "With {n3}," <said> <elder>, who was <chore>.

@scene
<beast.^a> <animal> was <rest.ing> by <scenic.a> <landmark>, and <count> <bird.s> were <rest.ing> in <tree.a> tree.
Outside the <building>, <person.a> <job> was <chore>, and <bug.a> <move.ed> <how> around <thing.a> <curio>.
<elder> was selling <crop.s>, <flower.s>, <stuff> <tool.s> and <hue> <cloth.s>.
The window of the <building> was full of <thing> <curio.s>, <stuff> <toy.s> and <tasty> <food.s>.
<vehicle.^a> full of <crop.s>, <treasure.s> and <stuff> <container.s> <move.ed> by <how>.
On the wall of the <building> <elder> had painted <hue> <fish.s>, <count> <topic.s> and <beast.a> <animal>.
The air smelled of <taste>, <tasty> <crop.s> and <hue> <flower.s>, and <thing.a> <instrument> (played|answered).
<count.^> <bug.s> and <beast.a> <animal> <move.ed> <how> past <hue> <flower.s> and <tree> trees.

@way
{^he} passed <scenic.a> <landmark>, <scenic.a> <building> and <person.a> <job> in <hue.a> <cloth>.
{^he} <move.ed> <how> over <scenic.a> <landmark> and past <elder>, who was <chore>.
{^he} counted <count> <bird.s>, <count> <bug.s> and one <beast> <animal> (along|on) the way.
<person.^a> <job> with <thing.a> <tool> and <hue.a> <cloth> showed {him} the way <how>.

@evening
That evening {hero} told {his} {kin} <how> about it over <dish>, <tasty> <crop.s> and <tasty.a> <food>.
For supper there were <tasty> <food.s>, <crop.s> and <dish>, and <elder> <move.ed> in with <stuff.a> <instrument>.
That night, {hero} dreamed of <beast> <animal.s>, <stuff> <vehicle.s> and <hue.a> <topic> that could <skill>.
At bedtime, {his} {kin} read {him} a story about <count> <helper.s>, <person.a> <job> and <thing.a> <curio>.
Afterward {he} was <hobby-ing> again, <how>, beside <scenic.a> <landmark> and <beast.a> <animal>.

@hobby-ing
{hobby.ing}

@finds
<thing.a> <curio>
<count> <treasure.s>
<stuff.a> <container> full of <crop.s>
<beast.a> <animal> and <count> <bird.s>
<hue.a> <cloth> and <tool.a>

@like
like <beast.a> <animal>
like <person.a> <job>

@oath
Great <hue> <crop.s>
Jumping <tasty> <food.s>
Oh, my <hue> <cloth.s>
By the <beast> <animal.s> of <town>
<bug.^s> and <bird.s>

@sad
<upset>
as <upset> as <beast.a> <animal>
as <upset> as <job.a> without <tool.a>

@happy
<glad>
as <glad> as <beast.a> <animal>
as <glad> as <job.a> with <thing.a> <curio>

@went
<move.ed> <how>
<move.ed> <like>

@Everyone
(Everyone|Everybody)

@everyone
(everyone|everybody)

@nobody
(nobody|no one)

@Nobody
(Nobody|No one)

@somebody
(somebody|someone)

@Somebody
(Somebody|Someone|<elder>)

@began
(began|started)

@children
(children|boys and girls|kids)

@wanted
(wanted|hoped|longed|wished)

@At last
(At last|Finally|In the end|After a long while|At long last)

@Soon
(Soon|Before long|In no time|Not long after)

@soon
(soon|before long|in no time)

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

@asked
(wondered|inquired|begged|demanded)
"""

LOST = """
@lost
= friend toy hue place animal

{hero} had {hue.a} {toy}, and {he} took it everywhere, even to the <building>.
{^his} <stuff> <toy.s> were nice, but {hero} loved {his} {hue} {toy} the most.
For {his} birthday, <elder> had given {him} {hue.a} {toy} tied up with <stuff> ribbon.
{^his} {kin} had made {him} {hue.a} {toy} out of <treasure.s> and <stuff> (scraps|pieces|buttons).

<When> {hero} took it to the <scenic> {place}, where {his} friend {friend} was <rest.ing>.
<When> {hero} and {his} friend {friend} <went> to the <scenic> {place} to play <game>.
<When> {his} friend {friend} asked {him} <tone> to bring the {toy} to the <scenic> {place}.

<crowd>

<beast.^a> {animal} watched them <how> from behind <scenic.a> <landmark>.
<Nobody> noticed the <beast> {animal} that was <rest.ing> (near|behind|beside) <scenic.a> <landmark>.

¶
When it was time to go home, the {toy} was gone. {hero} felt <sad>.
They played <how> until sunset. Then {hero} looked <how> around. No {toy}!
<Suddenly> {hero} turned as (pale|white|cold) as <thing.a> <curio>. The {toy} had (vanished|disappeared)!

"<oath>! My {toy}!" <cried> {hero}, and {his} <body> <began> to (tremble|shake|itch|tingle).
{hero} sat down on <scenic.a> <landmark>, <sad>, and cried <like>.

"Don't cry," (said {friend} <tone>|<said> {friend}). "I won't go home without it, not for all the <treasure.s> in <town>."
"I will help you look," (said {friend} <tone>|<said> {friend}), "even if it takes <count> (hours|days|weeks|years)."

They looked behind <scenic.a> <landmark> and inside <stuff.a> <container>, but found only <finds>.
They asked <person.a> <job>, who had seen only <finds>.
{friend} searched <how> <like> and found <finds>, but no {toy}.

¶
Then came a <faint> <sound>. It was the {animal}, <rest.ing> <how> on the {hue} {toy}!
<At last> they followed some <faint> tracks past <scenic.a> <landmark>. There sat the {animal}, <rest.ing> beside the {toy}.
Then the {animal} <went> past them with something {hue} in its mouth. "My {toy}!" (called|shouted) {hero}.

{friend} gave the {animal} <tasty.a> <food> and <crop.s>, and it let the {toy} go.
The {animal} looked <sad>, so {hero} gave it <thing.a> <stuff> <container> for the {toy}.

{hero}, <happy>, let {friend} carry the {toy} all the way back to {town}.
They <went> back to {town}, and {friend} was allowed to carry the {toy}.

<evening>

{hero} <learned> that (a friend like {friend} is worth more than any {toy}|two pairs of eyes are better than one|nothing is truly lost while you have a friend).
And the {animal}? Every <weekday> it came to the {place}, hoping for another {toy}.
"{toy.^s} get lost," (said {his} {kin} <tone>|<said> {his} {kin}), "but good friends like {friend} always turn up."

@faint
(soft|faint|tiny|strange|muddy|funny|fresh|curious|small)
"""

HELP = """
@help
= animal look pet trouble peril tool food

<When> {hero} packed {food.a}, {tool.a} and <count> <crop.s> and set out to visit <person.a> <job>.
<When> {he} put {food.a}, {tool.a} and <stuff.a> <cloth> into {his} <hue> bag and <went> off.
{^his} {kin} sent {him} to the <scenic> <building> with {food.a}, {tool.a} and <hue> <flower.s>.

<way>
<crowd>

Near <scenic.a> <place>, {he} heard a (sad|soft|small|strange) <sound>. {look.^a} {animal} was {trouble}!
<Suddenly> {he} saw {look.a} {animal} that was {trouble}, looking <sad>.

¶
"Please help me," (said the {animal} <tone>|<said> the {animal}). "I am {pet}, and I have been here for <count> (hours|days)."
"I am {pet}," (said the {animal} <tone>|<said> the {animal}). "<elder> and <elder> went right past me."

With {his} {tool}, {he} worked <how> <like> until {pet} was free. Then {he} shared {his} {food} with the {animal}.
{^he} used the {tool} <how> to free {pet}, and together they ate the {food} behind <scenic.a> <landmark>.

"You are (kinder|braver|nicer|better) than <job.a>," (said {pet} <tone>|<said> {pet}). "One day I will help you, too."
"I will never forget this," (said {pet} <tone>|<said> {pet}), and <went> away.

¶
<count.^> (days|weeks|months) later, {hero} was {peril}, with only <stuff.a> <tool> and <crop.s>.
Then, one <weather> <month> night, {hero} was {peril} and felt <sad>.

{^he} called <how> <like>, but there were only <bug.s>, <bird.a> and the <weather> wind.
{^he} thought <how> of {his} {kin}, of <tasty> <food.s>, <dish> and <crop.s>.

But {pet} the {animal} had heard {him}. "You came when I was {trouble}," (said {pet} <tone>|<said> {pet}).
Then the {animal} that had once been {trouble} <went> out of the dark. It was {pet}!

¶
{pet} led {hero} <how> past <scenic.a> <landmark> and <count> <tree> trees, all the way home to {town}.
Together, <like2>, they <move.ed> over <scenic.a> <landmark> and were <soon> safely back in {town}.

<evening>

"Kindness finds its way back," (said {his} {kin} <tone>|<said> {his} {kin}), and gave {pet} <tasty.a> <food>.
{hero} <learned> that (no friend is too small|no kind deed is ever wasted|whoever gives help will find help|even {look.a} {animal} can be a hero).
<From then on>, whenever {hero} had {food.a}, {he} gave half of it to {pet} the {animal}.

@like2
like <count> <job.s>
like <beast> <animal.s>
"""

FORBIDDEN = """
@forbidden
= place rule friend curio

"Never go to the {place} {rule}," {his} {kin} (always|often) told {him} <tone>.
"You may play anywhere," (said {his} {kin} <tone>|<said> {his} {kin}), "but never go to the {place} {rule}."
Only one thing was not allowed: {hero} must never go to the {place} {rule}.

<When> {his} friend {friend} <went> up to {him}. "There is {curio.a} at the <scenic> {place}!" {friend} <said>.
<When> {he} met {his} friend {friend} near <scenic.a> <landmark>. "<elder> has hidden {curio.a} at the {place}!" <said> {friend}.
<When> {his} friend {friend} told {him} that <person.a> <job> had lost {curio.a} at the <scenic> {place}.

¶
<disobeys>
<obeys>

@disobeys
"I must not go there {rule}," (said {hero} <tone>|<said> {hero}). Still, {he} <went> after {friend} to see the {curio}.
{hero} knew the rule, but {he} thought <how> about the {curio} and <went> off with {friend}.

<way>
<crowd>

At the {place} they found <finds>, but no {curio}. Then {hero} (slipped|stumbled|tripped) <how> and fell into <deep> hole.
{hero} (climbed|stepped|crawled) <how> over <scenic.a> <landmark>, and with a <sound> {he} fell into <deep> hole.

"<oath>! Help!" {he} <cried>. But {friend} was as <upset> as <beast.a> <animal> and could not move.
{^his} <body> hurt, and {he} felt <sad>. "If only I had listened," {he} <cried>.

¶
{friend} <went> off to fetch {hero}'s {kin}, who pulled {him} out with <stuff.a> <tool>.
Luckily, <person.a> <job> heard the <sound>, called {hero}'s {kin} and pulled {him} out <how> with <tool.a>.

"I am sorry," (said {hero} <tone>|<said> {hero}). "I went to the {place} {rule}, and I promise <count> times never to do it again."
"Are you angry?" (asked {hero} <tone>|<asked> {hero}). / "I was as <upset> as <beast.a> <animal>," (said {his} {kin} <tone>|<said> {his} {kin}), "because I love you."

<scene>

<evening>

{hero} never went to the {place} {rule} again, and <nobody> but <bug.a> ever found the {curio}.
<From then on>, {hero} listened to {his} {kin}. (Some rules are there to keep us safe|No {curio} is worth a broken promise|A rule is easier to keep than to mend).
"A rule is like <stuff.a> fence," (said {his} {kin} <tone>|<said> {his} {kin}). "It is not there to shut you in, but to keep you safe."

@deep
a (deep|dark|wet|cold|muddy|narrow)

@obeys
= trouble

"No," (said {hero} <tone>|<said> {hero}). "I promised my {kin} not to go there {rule}."
{hero} <wanted> to see the {curio}, but not as much as {he} loved {his} {kin}. "Not {rule}," {he} <said>.

"Then I will go alone, <like>!" (said {friend} <tone>|<said> {friend}), and <move.ed> off.
"You are as dull as <thing.a> <curio>," (said {friend} <tone>|<said> {friend}), and <went> away.

{hero} stayed at home and tried to {hobby}, but {he} felt <sad>.
{hero} ate <tasty.a> <food>, <crop.s> and <dish>, but nothing tasted good without {friend}.

<scene>

¶
After <few> hours, {hero}, <sad>, told {his} {kin} everything about {friend} and the {curio}.
Then {he} heard a far-off <sound>. "That came from the {place}!" {he} told {his} {kin} <tone>.

They <went> to the {place} with <thing.a> <tool>. There was {friend}, {trouble}.
With <thing.a> <tool> and <stuff.a> lantern, they searched the {place} <how>. There was {friend}, {trouble}.

"You were right," (said {friend} <tone>|<said> {friend}). "There was no {curio}, only <finds>."
"Never again," (said {friend} <tone>|<said> {friend}), "not for <count> <stuff> <treasure.s>, will I be {trouble}."

<crowd>

<evening>

"You kept your word and helped your friend," (said {his} {kin} <tone>|<said> {his} {kin}), and gave them <tasty> <food.s>.
{hero} felt <happy>. It takes (courage|strength|a brave heart) to say no, even to a good friend like {friend}.
<From then on>, {friend} never went to the {place} {rule} either, and they stayed (close|good|true) friends.
"""

TRADE = """
@trade
= curio building toy hue tool food friend elder job

<When> {hero} saw {curio.a} in the {building}, just the thing for {his} {kin}. But {he} had no money, only {hue.a} {toy}.
{hero} <wanted> to give {his} {kin} {curio.a} from the {building}, but {he} owned only <count> <treasure.s> and {hue.a} {toy}.

<scene>
<way>

¶
First {he} met {his} friend {friend}, who was <rest.ing> beside <scenic.a> <landmark>. "<oath>, {hue.a} {toy}!" (said {friend} <tone>|<said> {friend}). "I will give you my {tool} for it."
{^his} friend {friend} had <thing.a> {tool}. "I would trade it <like> for your {toy}," (said {friend} <tone>|<said> {friend}).

{hero} looked <how> at the {toy} one last time and took the {tool}.
It was hard, but {hero}, <sad>, gave up the {toy} for the {tool}.

¶
Next {he} came to {elder}, who was <chore>. "For {tool.a}," (said {elder} <tone>|<said> {elder}), "I would give you <tasty.a> {food}."
At the <scenic> <place>, <person> {elder} looked <sad>. "My {tool} is broken, and I have only <tasty.a> {food}."

So {hero} traded the {tool} for the {food}, which smelled <how-smell> of <taste>.
{elder.^} took the {tool}, <happy>, and {hero} took the {food} <how>.

<crowd>

¶
At the {building}, the <person> {job} was hungry. "I have <count> <curio.s>," (said the {job} <tone>|<said> the {job}), "but no {food}!"
<At last> {he} reached the {building}. There sat <person.a> {job}, <sad> and hungry. "I would give anything for {food.a}!"

"Not even for the {curio}?" (asked {hero} <tone>|<asked> {hero}). The {job} <how> wrapped it up in <hue> paper and ate <like>.
{hero} held out the {food} <how>, and the {job} put the {curio} into {his} hands <how>.

¶
And so {hue.a} {toy} became {tool.a}, the {tool} became {food.a}, and the {food} became {curio.a}.
First the {toy}, then the {tool}, then the {food}, and now the {curio}! {hero} <went> home.

{^his} {kin} felt <happy>, put the {curio} beside <thing.a> <curio> and hugged {hero} <how>.
When {his} {kin} saw the {curio}, {kin.he} <move.ed> around <furniture.a> <like>.

<evening>

<The next day> {friend} <went> over. "Let's share the {toy}," (said {friend} <tone>|<said> {friend}). (Good trades make good friends|Those who give get something back).
{hero} <learned> that (a fair trade makes everyone happy|with patience a little can become a lot|what you give away with love comes back).

@how-smell
(sweetly|faintly|strongly|deliciously|richly)
"""

CONTEST = """
@contest
= skill month rival curio stuff

Every {month} there was a {skill.ing} contest by the <scenic> <place>. The prize was {stuff.a} {curio}.
<hue.^a> sign hung outside the <building>: "{skill.^ing} contest in {month}! The winner gets {stuff.a} {curio}!"

{hero} could hardly {skill}, but {he} <wanted> that {curio} more than <tasty> <food.s>.
"I can {skill} only <like>," (said {hero} <tone>|<said> {hero}), "but I will win that {curio}."

"Then practice," (said {his} {kin} <tone>|<said> {his} {kin}). "Nobody learns to {skill} in <count> days."
{=elder}{elder}, <person.a> <job>, promised to teach {him} to {skill}. "Practice," (said {elder} <tone>|<said> {elder}).

¶
So {hero} practiced <how> in the <room> and at the <scenic> <place>, in <weather> weather and in the dark.
{hero} practiced <how> <like>, until {his} <body> ached and even <beast.a> <animal> stopped to watch.
Every <weekday> {he} practiced beside <scenic.a> <landmark>, with <beast.a> <animal> and <count> <bird.s> looking on.

{rival}, who had won the year before, only (laughed|grinned|yawned) <like>. "I need no practice," (said {rival} <tone>|<said> {rival}).
"Why bother?" (asked {rival} <tone>|<asked> {rival}), the best in {town}. "You {skill} <like>."

{hero} felt <sad>, but {he} ate <tasty.a> <food> and <crop.s> and went on.
{^his} {kin} brought {him} <tasty> <food.s>, <crop.s> and <dish>, and {he} went on <how>.

¶
The day of the contest was <weather>. <person.^a> <job>, <person.a> <guest> and <count> <children> came.
On the great day, <hue> flags flew from the <building>, and {town} smelled of <taste> and <food.s>.

<crowd>

<wins>
<stops>

@wins
{rival} began <how> <like>, but forgot the most important part.
Then {rival}, without any practice, did it as badly as <beast.a> <animal>.

Then came {hero}. When {he} finished, <person.a> <job> and <count> <job.s> cheered <how>.
Then came {hero}. {^his} <body> shook, but it was as easy as <hobby-ing>, and {he} won <how>.

¶
{rival} looked <sad>, so {hero} <went> over. "I can show you how I practiced," (said {hero} <tone>|<said> {hero}).
{rival} <went> up to {hero} and {his} {curio}. "Next {month} I will practice, too," (said {rival} <tone>|<said> {rival}).

The {stuff} {curio} still stands in the <room>. It reminds {hero} that (practice is stronger than luck|hard work beats boasting|those who practice need not boast).
Whenever <somebody> finds it too hard to {skill}, {hero} points <how> at the {stuff} {curio} and says, "Practice!"

@stops
{hero} was ahead. But then {rival} (fell|stumbled|tripped) over <thing.a> <curio> with a <sound>, and {hero} stopped to help.
{hero} was about to win when {rival} hurt {rival.his} <body> and cried <like>. {hero} <went> back to help.

"Go on and win!" (said {rival} <tone>|<said> {rival}). But {hero} shook {his} head <how> and stayed.
"You will lose because of me," (said {rival} <tone>|<said> {rival}). / "I don't mind," (said {hero} <tone>|<said> {hero}).

¶
The {stuff} {curio} went to <person.a> child from <town>, but <job.a> gave {hero} <hue.a> ribbon for kindness.
<Somebody> else won the {curio}, but in {town} they clapped <how> for {hero} until their <body.s> were sore.

{rival} felt <sad> about boasting and (showed|gave) {hero} <thing.a> <toy>.
<The next day> {rival} brought {hero} <tasty.a> <food> and <hue> <flower.s>.

"I am <happy>," (said {his} {kin} <tone>|<said> {his} {kin}). "(A good heart is worth more than any {curio}|Anyone can win, but not everyone can stop to help)."
{hero} <learned> that (helping is better than winning|a friend is a better prize than {stuff.a} {curio}|kindness is a prize in itself).
"""

SECRET = """
@secret
= friend place container stuff treasure count rival

<When> {hero}'s friend {friend} took {him} to the <scenic> {place}. There, under <thing.a> <landmark>, was {stuff.a} {container}.
<When> {his} friend {friend} <went> with {him} to the <scenic> {place} and dug up {stuff.a} {container}.

Inside were {count} {treasure.s}. "I have shown them only to <beast.a> <animal>," (said {friend} <tone>|<said> {friend}).
"<oath>!" (said {hero} <tone>|<said> {hero}). Inside lay {count} {treasure.s} that {friend} had found.

"Promise not to tell <elder> or anyone," (said {friend} <tone>|<said> {friend}). / "I promise," (said {hero} <tone>|<said> {hero}).
"Will you keep it secret?" (asked {friend} <tone>|<asked> {friend}). {hero} nodded <how> <like>.

<scene>

¶
<The next day> {rival}, <person.a> {rival.girl}, stopped {hero}. "Tell me what is at the {place}, and I will give you <thing.a> <toy>."
But {rival}, <person.a> {rival.girl}, had seen them. "I will give you <hue.a> <toy> for your secret," (said {rival} <tone>|<said> {rival}).

<keeps>
<tells>

@keeps
{hero} thought of {friend} and shook {his} head <how>. "A promise is a promise," {he} <said>.
"I can't," (said {hero} <tone>|<said> {hero}). "Not even for <count> <toy.s>." {^he} felt <sad>, but {he} kept {his} word.

{rival} asked again on <weekday>, with <tasty.a> <food>, <count> <crop.s> and <hue.a> <cloth>. {hero} only laughed <how>.
{hero} <went> home to {hobby}, and did not say a word, not even to {his} {kin} or <beast.a> <animal>.

<crowd>

¶
{friend}, as <glad> as <beast.a> <animal>, gave {hero} one of the {count} {treasure.s}.
{friend} had been <rest.ing> behind <scenic.a> <landmark> and had heard it all. "I can trust you," (said {friend} <tone>|<said> {friend}).

Later they showed {rival} how to look for {treasure.s}, and {rival} found <few> of them <how> beside <scenic.a> <landmark>.
<Soon> {friend}, {hero} and {rival} were digging <how> at the {place} together, <like2>.

<evening>

{hero} <learned> that (a kept promise is worth more than <thing.a> <toy>|a friend's trust is the greatest treasure|a secret is safe with a true friend).
To this day, only {hero}, {friend} and <bug.a> know where the {stuff} {container} is.

@tells
{hero} looked <how> at {his} <hue> shoes. Then {he} told {rival} about the {container}.
"It is only {treasure.s}," (said {hero} <tone>|<said> {hero}). At once {he} felt <sad>.

¶
When {hero} and {friend} <went> back to the {place}, the {stuff} {container} was empty.
On <weekday> {friend} found the {stuff} {container} empty but for <bug.a>. "Who took my {treasure.s}?" {friend} <cried>.

"I told {rival}," (said {hero} <tone>|<said> {hero}). "I broke my promise, and I am as <upset> as <beast.a> <animal>."
"It was my fault," (said {hero} <tone>|<said> {hero}). {friend} was too <upset> to speak and only looked at <scenic.a> <landmark>.

{hero} gave {rival} {his} own <hue> <cloth>, and got the {count} {treasure.s} back.
All week {hero} searched <how> near <scenic.a> <landmark> for {count} new {treasure.s}.

<crowd>

¶
"I forgive you," (said {friend} <tone>|<said> {friend}), "but next time, keep your word <like>."
After <count> days {friend} smiled at {him} again, and they hid the {container} beside <scenic.a> <landmark>.

<evening>

{hero} <learned> that (a promise is easy to break and hard to mend|a broken promise hurts a friend|some words should stay unsaid).
"Trust is like <stuff.a> <fragile>," (said {his} {kin} <tone>|<said> {his} {kin}). "It is hard to mend, so handle it with care."
"""

WISH = """
@wish
= helper container stuff hue place

<When> {hero} found {stuff.a} {container} near the <scenic> {place}, and out <move.ed> {hue.a} {helper}!
<When> {he} was <rest.ing> by the <scenic> {place}. From {stuff.a} {container} came a <sound>, and there sat {hue.a} {helper}.

"I was in that {container} for <count> years," (said the {helper} <tone>|<said> the {helper}). "Now you may have one wish."
"You set me free," (said the {helper} <tone>|<said> the {helper}). "I will grant you a wish, but nothing with <topic.s>!"

{hero} thought <how> of <thing.a> <curio>, of {stuff.a} palace and of <beast.a> <animal>.
"Anything?" (asked {hero} <tone>|<asked> {hero}). / "Anything but <weather> weather and <topic.s>," (said the {helper} <tone>|<said> the {helper}).

¶
<food-wish>
<animal-wish>

@food-wish
= food

"<oath>, I wish for <tasty> {food.s}!" (said {hero} <tone>|<said> {hero}). With a <sound>, a {food} fell from the sky, and then another.
{hero} was hungry <like>. "I wish it would rain {food.s}!" {he} <said>, and the {helper} nodded <how>.

{hero} ate <count> {food.s} <how> <like>, and they were all <tasty>.
"How <tasty>!" (said {hero} <tone>|<said> {hero}), and ate <how>, one {food} after another.

<crowd>

The {food.s} did not stop. They filled the <room>, buried <furniture.a> and rolled <how> over the <building>.
<Soon> <job.a>, <count> <bird.s> and <beast.a> <animal> got stuck between {food.s} near <scenic.a> <landmark>.

¶
{^his} tummy hurt, and {his} {kin} was stuck in the <room>. {hero} felt <sad>.
"Make it stop!" (said {his} {kin} <tone>|<said> {his} {kin}), with <tasty.a> {food} on {kin.his} <body>.

{hero} <went> back to the {place}. "Please take the {food.s} away," {he} begged <tone>.
"{helper.^}, dear {helper}!" {hero} called <how> at the {place}. "I have had enough {food.s} for <count> years!"

The {hue} {helper} laughed <like>, and with a <sound> every {food} was gone.
"I thought so," (said the {helper} <tone>|<said> the {helper}), and <went> back into the {stuff} {container} with the {food.s}.

<evening>

{hero} <learned> that (enough is as good as a feast|too much of a good thing is no good at all|one {food} with friends is better than a mountain of {food.s} alone).
Since then, {hero} has been <happy> with one {food} at a time.

@animal-wish
= animal look

"I wish for {look.a} {animal} of my own!" (said {hero} <tone>|<said> {hero}). The {helper} nodded <how>, and there it was.
"<oath>, I would love {look.a} {animal}," (said {hero} <tone>|<said> {hero}), and with a <sound> there it stood.

They <went> past <scenic.a> <landmark> and played <game> with <elder>.
{hero} gave it <dish>, <crop.s> and <tasty> <food.s>, and <thing.a> <toy> to play with.

<crowd>

But at night the {animal} sat by the window, <rest.ing> <how>, and looked <sad>.
But <soon> the {animal} stopped eating. It looked toward the {place} and made a <sound> <like>.

¶
"Don't you like it here?" (asked {hero} <tone>|<asked> {hero}). / "I miss my <count> brothers," (said the {animal} <tone>|<said> the {animal}). "They live beyond the {place}."
"It is homesick for <tree> trees and <flower.s>," (said {his} {kin} <tone>|<said> {his} {kin}). "How would you feel, far from {town}?"

{hero}, <sad>, <move.ed> to the {place} and called the {helper}. "Please send my {animal} home," (said {hero} <tone>|<said> {hero}).
So {hero} took the {look} {animal} <how> to the {place}, where the {hue} {helper} was <rest.ing>.

"That is a better wish," (said the {helper} <tone>|<said> the {helper}). There was a <sound>, and the {animal} was gone.
The {helper} nodded <how> <like>, and the {animal} was gone, and so was the {stuff} {container}.

<evening>

{hero} <learned> that (love means letting go|a friend is not a thing to own|the best wishes are made for others).
Every <season>, {look.a} {animal} <went> into {town} to visit {hero} with <count> little ones.
"""

BROKEN = """
@broken
= fragile hue friend pet animal

{^his} {kin} had {hue.a} {fragile}, a present from <person.a> <job>, and loved it <like3>.
In the <room> stood {hue.a} {fragile}, which {his} {kin} had bought in <town> from <person.a> <job>.

<When> {hero} and {his} friend {friend} played <game> with <thing.a> <toy> in the <room2>, although it was not allowed.
<When> it was too <badly> to go out, so {hero} and {his} friend {friend} played <game> indoors with <thing.a> <toy>.

{hero} <went> (around|past|behind) the <furniture>. <sound.^>! The {fragile} lay on the floor in <count> pieces.
"Watch me!" (said {hero} <tone>|<said> {hero}), and <went> into the {hue} {fragile}. With a <sound>, it broke.

¶
"We can say that {pet} did it," (said {friend} <tone>|<said> {friend}). {pet} was the neighbor's <beast> {animal}, and it was <rest.ing> by the door.
Just then {pet} the <beast> {animal} looked in <how>. "We can say it was {pet}," (said {hero} <tone>|<said> {hero}).

When {his} {kin} came in with <crop.s> and <dish>, {hero} pointed <how> at {pet}.
"Who broke my {fragile}?" (asked {his} {kin} <tone>|<asked> {his} {kin}). / "{pet} did, <like>," (said {hero} <tone>|<said> {hero}).

{^his} {kin} scolded {pet} <tone>, and the {animal} <went> off and hid behind <scenic.a> <landmark>.
So {pet} was shut in the <room> with <tool.s> and <bug.s>, and there it sat, <sad>.

<crowd>
<scene>

¶
That night {hero} dreamed of <topic.s>, <beast> <animal.s> and <stuff> <fragile.s>, and {he} felt <sad>.
{hero} tried to {hobby}, but whenever {he} closed {his} eyes, {he} saw {pet}, <rest.ing> <how>.
At supper there were <tasty> <food.s>, <crop.s> and <dish>, but {hero} felt too <upset> to eat.

"It was me," (said {hero} <tone>|<said> {hero}) to {his} {kin}. "I broke the {hue} {fragile}, not {pet}. I feel <sad>."
"Not {pet}, but {friend} and I broke the {hue} {fragile}," (said {hero} <tone>|<said> {hero}), as <upset> as <beast.a> <animal>.

¶
"A {fragile} can be mended with <stuff> glue," (said {his} {kin} <tone>|<said> {his} {kin}), "but a lie makes cracks that you cannot see."
"That took more courage than <rest.ing> with <beast> <animal.s>," (said {his} {kin} <tone>|<said> {his} {kin}), and hugged {him} <how>.

They glued the {fragile} <how>, and {pet} got <tasty.a> <food>, <crop.s> and <hue.a> <cloth>.
{hero} brought {pet} <count> <food.s> and <dish>, and the {animal} licked {his} <body> <how>.

<evening>

{hero} <learned> that (the truth may be hard, but a lie is heavier|blaming somebody else only makes things worse|an honest word mends more than glue).
The <count> cracks in the {hue} {fragile} still remind {hero} to tell the truth.

@like3
like <stuff.a> <treasure>
more than <tasty> <food.s>

@room2
(kitchen|hallway|dining room|living room|parlor|library|study|playroom)

@badly
(wet|cold|stormy|windy|rainy|foggy|snowy|frosty|hot|icy|muggy|gusty|sultry|chilly)
"""

AFRAID = """
@afraid
= fear friend place peril

But {he} had a secret that only {his} {kin}, <elder> and <beast.a> <animal> knew: {he} was afraid of {fear}.
{hero} was not afraid of <beast> <animal.s> or <helper.s>, but {he} was very much afraid of {fear}.

When other <children> talked about {fear}, {he} hid <how> behind the <furniture> and felt <sad>.
{^his} {kin} gave {him} <hue.a> <toy>, <treasure.s> and <tasty> <food.s>, but nothing helped.

¶
<When> {his} friend {friend} <went> off to the <scenic> {place} to look for <treasure.s> and <bug.s>.
<When> {his} friend {friend} set out for the <scenic> {place} with <stuff.a> <container> to gather <crop.s>.

<crowd>
<scene>

By (sunset|supper|nightfall), {friend} was not back. "I heard a <sound>," (said <job.a> <tone>|<said> <job.a>). "I think <somebody> is {peril}!"
Evening came, but not {friend}. "{friend} must be {peril}!" (said <elder> <tone>|<said> <elder>).

<person.^a> <job> and <person.a> <guest> went to look with <count> <tool.s>, but they <move.ed> the wrong way.
Outside it was <weather>, and <bird.a> <move.ed> <how> (past|around) <scenic.a> <landmark>.

{hero} thought of {fear} and felt <sad>. Then {he} thought of {friend}, put on <hue.a> <cloth> and <went> out.
"I am afraid of {fear}," (said {hero} <tone>|<said> {hero}), "but {friend} needs me." {^he} took <thing.a> <tool> and <went> off.

¶
<way>
"I am <person>, I am <person>, and {friend} is my friend," {hero} told {himself} <tone>.

There was {friend}, {peril}. "Weren't you afraid of {fear}?" (asked {friend} <tone>|<asked> {friend}).
"{friend}!" {he} called <how>, until a small voice answered <tone>. {friend} was {peril}.

"I was more afraid of losing you," (said {hero} <tone>|<said> {hero}), and <how> led the way home.
"I am still afraid of {fear}," (said {hero} <tone>|<said> {hero}), "but not with you." Hand in hand they <went> back to {town}.

¶
In {town} <person.a> <job>, as <glad> as <beast.a> <animal>, baked {hero} <count> <tasty> <food.s>.
{^his} {kin} hugged them both <how> and gave them <dish>, <crop.s> and <tasty> <food.s>.

<evening>

{hero} <learned> that (being brave means being afraid and going on anyway|courage grows when a friend needs you|love is stronger than fear).
Is {hero} still afraid of {fear}? A little. But now {he} knows how brave {he} can be.
"Who is afraid of {fear} now?" (asked {friend} <tone>|<asked> {friend}). They both laughed until their <body.s> hurt.
"""

GIFT = """
@gift
= month cloth hue friend food

In {month} it was {his} {kin}'s birthday. {hero} <wanted> to make {hue.a} {cloth} as fine as <stuff.a> <curio>.
"I will make {hue.a} {cloth} for your birthday in {month}," {hero} told {his} {kin}. "You will look <like>."

{^his} friend {friend} had <count> bags of {hue} wool and <stuff.a> <container> of <treasure.s>.
{^his} friend {friend} <went> over with {hue} wool, <tool.a> and <tasty.a> <food>.

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

"Then let's bake {food.a} as well," (said {friend} <tone>|<said> {friend}), "as <tasty> as the ones in <town>."
"Wait," (said {friend} <tone>|<said> {friend}). "We need <count> <stuff> buttons, and {food.a} with <crop.s>."

The {food} smelled <how2> of <taste> and <tasty> <crop.s>, and was as hard as <substance>.
They stirred <how> <like>, but the {food} came out as <burnt> as <thing.a> <curio>.

¶
On the birthday, <person.a> <job> brought <thing.a> <curio>, and <person.a> <guest> brought <hue> <flower.s>. {hero} felt <sad>.
The guests came with <thing.a> <curio>, <stuff.a> <tool> and <count> <flower.s>. {hero} hid <how>.

But {his} {kin} had seen the {cloth}. {kin.^he} put it on <how> and took a big bite of the {food}.
"What is that?" (asked {his} {kin} <tone>|<asked> {his} {kin}). <how.^>, {hero} held out the {hue} {cloth} and the {food}.

"I would not trade it for <count> <thing> <curio.s>," (said {his} {kin} <tone>|<said> {his} {kin}).
"Any {cloth} from the <building> is only {cloth.a}," (said {his} {kin} <tone>|<said> {his} {kin}), "but this one is from you and {friend}."

<evening>

{hero} felt <happy>. (A gift does not have to be perfect|Love is the best part of any present|What matters is the giving).
And every {month} since, {his} {kin} has worn the {hue} {cloth} <how>.

@how2
(sweetly|faintly|strongly|oddly)

@burnt
(black|flat|lopsided|hard|dark)
"""

NEWCOMER = """
@newcomer
= friend town2 hue cloth instrument rival

<When> <person.a> new {friend.girl} from {town2} came to school. {friend.^his} name was {friend}, and {friend.he} wore {hue.a} {cloth}.
<When> a family from far-off {town2} moved in behind <scenic.a> <building>. Their child, {friend}, wore {hue.a} {cloth}.

"Only <job.a> would wear {hue.a} {cloth}!" (said {rival} <tone>|<said> {rival}). {friend} felt <sad>.
{rival} laughed <like> at the {hue} {cloth}, and <soon> <job.a> and <count> <children> were laughing, too.

{friend} <went> away and sat down (beside|behind|under) <scenic.a> <landmark>.
{friend} stood alone by <scenic.a> <landmark> and ate <tasty.a> <food> and <crop.s>.

¶
{hero} <went> over. "I like your {cloth}," (said {hero} <tone>|<said> {hero}). "Do you want to play <game>?"
"May I sit with you?" (asked {hero} <tone>|<asked> {hero}). {friend} nodded <how> and took <tasty.a> <food>.

"In {town2} everyone wears one and plays the {instrument}, even <job.a>," (said {friend} <tone>|<said> {friend}).
"In {town2}," (said {friend} <tone>|<said> {friend}), "I played the {instrument} for <beast> <animal.s> and <bird.s>."

"<oath>! I would love to hear it!" (said {hero} <tone>|<said> {hero}). "And I can show you how to {hobby}."
{hero} asked <tone> whether {friend.he} would teach {him}, and {friend} smiled <how> for the first time in <count> days.

<crowd>

¶
<few.^> weeks later there was a feast in {town}, with <tasty> <food.s>, <crop.s> and <hue> flags. But the musicians were <late>!
Then came the <season> feast. <person.^a> <job> and <person.a> <guest> were dancing <how> when the {instrument} player fell ill.

"A feast without music is like <dish> without <taste>!" (said {rival} <tone>|<said> {rival}).
"Then we may as well go home and <skill>," (said <elder> <tone>|<said> <elder>), as <upset> as <beast.a> <animal>.

"{friend} can play!" (said {hero} <tone>|<said> {hero}), and led {friend.him} <how> to the front.
{hero} gave {friend} <stuff.a> {instrument} and pushed {friend.him} forward <how>.

¶
{friend} played the {instrument} so <finely> that the <job.s> danced with the <guest.s> and <beast.a> <animal> <move.ed> in circles.
When the {instrument} <began> to sing, <count> <bird.s> fell silent and the <job.s> danced <how>.

"I am sorry that I laughed at your {cloth}," (said {rival} <tone>|<said> {rival}). "Will you teach me, too?"
<The next day> {rival}, <sad> about laughing, came to school in {hue.a} {cloth}.

<evening>

{hero} <learned> that (a stranger is only a friend you have not met yet|it takes just one kind word to make a friend|you cannot judge a person by {hue.a} {cloth}).
<From then on>, {hero} and {friend} <move.ed> everywhere together, and there was always music in {town}.

@late
(stuck in the mud|lost in the fog|snowed in|on the wrong train|in bed with a cold)

@finely
(beautifully|sweetly|merrily|wonderfully|softly)
"""

SHARES = """
@shares
= count crop tree animal look friend elder

<When> {hero} picked {count} {crop.s} and put them in <thing.a> <stuff> <container>. "All mine," {he} <said>.
That <season> {hero} had {count} {crop.s}, more than <elder>, <job.a> or anyone else in {town}.

{^he} hid them <how> under {tree.a} tree, behind <scenic.a> <landmark>.
{^he} buried them <how> <like> beneath the {tree} tree near the <building>.

<scene>
<crowd>

¶
The first to come by was {his} friend {friend}. "May I have some {crop.s}?" (asked {friend} <tone>|<asked> {friend}). "I have had only <dish> since <weekday>."
<Soon> {his} friend {friend} <went> up to {him}. "What <tasty> {crop.s}!" (said {friend} <tone>|<said> {friend}). "May I have one?"

"No," (said {hero} <tone>|<said> {hero}). "Then I would have fewer than {count}."
{hero} shook {his} head <like>. "I need all {count}," {he} <said>, and {friend} <went> away.

Then {elder} asked for some <tone>, and so did {look.a} {animal}. {hero} sent both away <how>.
Next came {look.a} {animal} that had not eaten for <count> days, and then {elder} with <tool.a>. But {hero} gave them nothing.

¶
When {hero} <went> back to the {tree} tree on <weekday>, the {count} {crop.s} had gone as bad as <thing.a> <cloth>.
But one <weather> <month> night the rain washed the {count} {crop.s} away from under the {tree} tree.

{^he} felt <sad>, and there was <nobody> to ask but <bug.a> and <count> <bird.s>.
"<oath>! Why didn't I share?" {hero} <cried>, and {his} empty tummy made a <sound>.

¶
Then <somebody> touched {his} <body>. It was {friend}, with <tasty.a> <food> and <dish>. "Half of it is for you," (said {friend} <tone>|<said> {friend}).
There came {friend} and {elder}, with <dish>, <tasty> <food.s> and <stuff.a> <container> of {crop.s}. "Come and eat," they <said>.

"But I gave you nothing," (said {hero} <tone>|<said> {hero}). / "We will show you how it is done," (said {elder} <tone>|<said> {elder}).
{hero} turned as red as <hue-red> <crop>. "Even after what I did?" / "Even so," (said {friend} <tone>|<said> {friend}).

The {look} {animal}, <rest.ing> <how> under the {tree} tree, got its share, too.
The {look} {animal} <went> up to them, too, and there was enough for <everyone>.

<evening>

The next <season>, {hero} gave all {his} {crop.s} away, and {he} had never felt so <glad>.
{hero} <learned> that (what you share tastes twice as good|food that is hidden feeds nobody|sharing makes {count} {crop.s} feel like a hundred).
<From then on>, whoever came to the {tree} tree in {town} could take as many {crop.s} as they liked.

@hue-red
a (ripe|tasty|juicy|big|fresh)
"""

TEXT = "".join(
    [SHARED, LOST, HELP, FORBIDDEN, TRADE, CONTEST, SECRET, WISH, BROKEN, AFRAID, GIFT, NEWCOMER, SHARES]
)


def rules() -> dict[str, str]:
    """Rule name -> markup."""
    sections = TEXT.split("\n@")[1:]
    return {name: body.strip("\n") for name, _, body in (section.partition("\n") for section in sections)}
