"""The rules of the fables in the markup of fables_grammar: a line `@name` opens one, `tale` is a story."""

import re

from ternary.data.fables_friends import FRIENDS
from ternary.data.fables_lessons import LESSONS

SLOTS = {
    **dict.fromkeys("hero friend rival n1 n2 n3 n4 n5 n6 n7 n8 n9".split(), "name"),
    **dict.fromkeys("town town2".split(), "town"),
    **dict.fromkeys("pet p0 p1 p2".split(), "pet"),
    "look": "beast",
    **{
        category: category
        for category in """kin elder hobby toy hue place animal tool food trouble peril rule curio fragile job
        skill month building helper container fear cloth crop count treasure stuff tree instrument""".split()
    },
}

SHARED = """
@tale
= hero kin town hobby

Once upon a time, in the (town|village|valley) of {town}, there (lived|was) <person.a> {girl} named
    {hero}, who had <hue.a> <cloth> and <beast.a> <animal>.
There was once <person.a> {girl} with <hair> hair and <thing.a> <cloth>, who lived in {town} and was
    (named|called) {hero}.
In {town}, near <scenic.a> <place>, lived <person.a> {girl} (named|called) {hero} with {his} <stuff>
    <toy.s> and <beast.a> <animal>.
{hero} was <person.a> {girl} from {town}, where every (house|roof|door|gate|fence) was <hue> and every
    (garden|yard|corner) full of <flower.s>.
Long ago, when there were still <helper.s> in the <scenic> hills, <person.a> {girl} (named|called) {hero}
    lived in {town}.
<Everyone> in {town} knew {hero}, <person.a> {girl} who always wore <hue.a> <cloth>[, even on <weather>
    days].

{^he} lived with {his} {kin} and <beast.a> <animal> behind <scenic.a> <building>, and {he} loved to {hobby}.
{^his} {kin} kept <beast.a> <animal>, <count> <bird.s> and <thing> <curio.s>, but {hero} liked best to
    {hobby}.
At home, with {his} {kin} and <beast.a> <animal> named {=p0}{p0}, {he} liked to {hobby} and talk about
    <topic.s>.
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
= n1 n2 n3 n4 n5 n6

{n1}, {n2}, {n3}, {n4}, {n5} and {n6} were there, too, playing <game> with {=p1}{p1} the <beast> <animal>.
{n1}, {n2} and {n3} had <tasty> <food.s>, {n4} and {n5} had <hue> <toy.s>, and {n6} wore <fabric.a> <cloth>.
{n1}, {n2} and {n3} were <rest.ing> on <scenic.a> <landmark>, while {n4}, {n5} and {n6} looked for <hue>
    <treasure.s>.
Little {n1} showed {n2}, {n3}, {n4}, {n5} and {n6} how to <skill>, and {=p1}{p1} the <animal> watched <how>.
{n1}, {n2}, {n3} and {n4} <move.ed> by <how>, looking for {n5}, {n6} and <beast> <animal.s>.
"Where are {n1}, {n2} and {n3}?" {n4} was asking <tone>. / "With {n5}, {n6} and {=p1}{p1} the <animal>,"
    <said> <elder>.

@scene
<beast.^a> <animal> was <rest.ing> by <scenic.a> <landmark>, and <count> <hue> <bird.s> were <rest.ing> in
    <tree.a> tree.
Outside the <building>, <person.a> <job> was <chore>, and <bug.a> <move.ed> <how> around <thing.a> <curio>.
<elder> was selling <tasty> <crop.s>, <flower.s>, <stuff> <tool.s> and <hue> <cloth.s>.
The window of the <building> was full of <thing> <curio.s>, <hue> <toy.s> and <tasty> <food.s>.
<vehicle.^a> full of <tasty> <crop.s>, <hue> <treasure.s> and <stuff> <container.s> <move.ed> by <how>.
On the wall of the <building> <elder> had painted <hue> <fish.s>, <count> <topic.s> and <beast.a> <animal>.
The air smelled of <taste>, <tasty> <crop.s> and <hue> <flower.s>, and <thing.a> <instrument>
    (played|answered).
<count.^> <bug.s> and <beast.a> <animal> <move.ed> <how> past <hue> <flower.s> and <tree> trees.

@way
{^he} passed <scenic.a> <landmark>, <scenic.a> <building> and <person.a> <job> in <hue.a> <cloth>.
{^he} <move.ed> <how> over <scenic.a> <landmark> and past <elder>, who was <chore>.
{^he} counted <count> <bird.s>, <count> <bug.s> and one <beast> <animal> (along|on) the way.
<person.^a> <job> with <thing.a> <tool> and <hue.a> <cloth> showed {him} the way <how>.

@evening
= n7 n8 n9

That evening {hero} <how> told {his} {kin}, {n7}, {n8} and {n9} about it over <dish>, <tasty> <crop.s> and
    <tasty2> <food.s>.
{n7}, {n8}, {n9} and <elder> came to supper <how> with {=p2}{p2} the <animal>, and there were <tasty>
    <food.s>, <crop.s> and <dish>.
That night, {hero} dreamed of {n7}, {n8}, {n9}, <beast> <animal.s>, <stuff> <vehicle.s> and <hue.a>
    <topic> that could <skill>.
At bedtime, {his} {kin} read {him}, {n7}, {n8} and {n9} a story about <count> <helper.s>, <person.a> <job>
    and <thing.a> <curio>.
Afterward {hero} was {hobby.ing} again, with {n7}, {n8}, {n9} and {=p2}{p2} the <animal>, beside
    <scenic.a> <landmark>.

@tasty2
(two|three|four|five|six|seven|eight)

@finds
<thing.a> <curio>
<count> <hue> <treasure.s>
some <tasty> <crop.s> in <stuff.a> <container>
<beast.a> <animal> and <count> <bird.s>
<tool.a> and <hue.a> <cloth>

@like
like <beast.a> <animal>
like <person.a> <job>

@like2
like <count> <job.s>
like <beast> <animal.s>

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

@so
<how>
<like>

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
(wondered|inquired|called|whispered)

@asks friend
asked {friend} <tone>
<asked> {friend}

@asks hero
asked {hero} <tone>
<asked> {hero}

@asks kin
asked {his} {kin} <tone>
<asked> {his} {kin}

@asks rival
asked {rival} <tone>
<asked> {rival}

@says a job
said <job.a> <tone>
<said> <job.a>

@says an elder
said <elder> <tone>
<said> <elder>

@says elder
said {elder} <tone>
<said> {elder}

@says friend
said {friend} <tone>
<said> {friend}

@says hero
said {hero} <tone>
<said> {hero}

@says kin
said {his} {kin} <tone>
<said> {his} {kin}

@says pet
said {pet} <tone>
<said> {pet}

@says rival
said {rival} <tone>
<said> {rival}

@says the animal
said the {animal} <tone>
<said> the {animal}

@says the helper
said the {helper} <tone>
<said> the {helper}
"""


def rules() -> dict[str, str]:
    """Rule name -> markup. An indented line continues the line above it."""
    sections = re.sub(r"\n +", " ", SHARED + FRIENDS + LESSONS).split("\n@")[1:]
    return {name: body.strip("\n") for name, _, body in (section.partition("\n") for section in sections)}
