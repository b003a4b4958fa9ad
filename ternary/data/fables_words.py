"""Words of the fables by category. An underscore is a space, `one/many` gives an irregular plural.

The order and the content of every list fix the corpus: changing one changes every story after it.
"""

NAMES = {
    "she": """Lily Mia Anna Lucy Sara Emma Molly Ella Rosie Daisy Zoe Ruby Grace Nora Ivy Hazel Clara
        Alice Maya Poppy Sophie Amy Jane Kate Nina Tina Lola Bella Chloe Eva Holly Lena Mary
        Penny Polly Sally Tilly Willa Abby Ada Agnes Aisha Alma Amara Amelia Anita Annie April
        Aria Astrid Aurora Ava Beatrice Betty Bonnie Bridget Bryony Camille Carla Carmen Celia
        Charlotte Cleo Cora Cordelia Dahlia Dana Delia Della Diana Dora Doris Edith Eleanor
        Elena Elise Eliza Elsie Erin Esme Esther Etta Eve Fatima Faye Fern Fiona Flora Freya
        Frida Gemma Georgia Gina Ginny Gloria Greta Gwen Hana Harriet Hattie Heidi Helen Ida
        Imogen Ingrid Irene Iris Isla Jade Jasmine Jenny Jill Joanna Josie Joy Julia June Kaya
        Keiko Kiki Kira Kitty Laila Lara Laura Layla Leah Leila Lettie Libby Linnea Lottie
        Louisa Lulu Luna Lydia Mabel Maddie Maggie Maisie Margot Maria Marta Matilda Mavis Meera
        Megan Millie Mimi Mina Minnie Mira Miriam Nadia Naomi Nell Nia Noor Odette Olga Olive
        Olivia Opal Paige Paloma Pearl Petra Phoebe Pia Pippa Priya Rachel Ramona Rosa Rosalind
        Rowena Roxy Sabrina Sadie Salma Sasha Selma Serena Sienna Sonia Stella Susie Suki Sylvie
        Tabitha Talia Tamara Tess Thea Tora Trudy Ursula Uma Vera Violet Wanda Wendy Winnie
        Xenia Yara Yasmin Yoko Yvonne Zara Zelda Zora""",
    "he": """Tom Tim Max Ben Sam Jack Leo Finn Oliver Henry Noah Theo Oscar Jake Luke Peter Billy
        Charlie Danny Eli Felix George Harry Hugo Jamie Joe Joey Lucas Mark Milo Nick Ollie Otis
        Owen Paul Pete Robin Rory Toby Will Adam Ahmed Alan Albert Alec Alfie Amir Andre Andy
        Angus Anton Archie Arlo Arthur Asher August Barney Basil Benji Bernard Bobby Boris Bruno
        Caleb Calvin Carl Carlos Casper Cedric Chester Clark Clive Colin Conrad Cyrus Dexter
        Darius David Dennis Desmond Diego Dylan Edgar Edmund Edwin Elias Elliot Elmer Emil Enzo
        Eric Ernest Ethan Evan Ezra Fergus Frank Franklin Fred Freddie Gabriel Gavin Gilbert
        Giles Gordon Graham Grant Greg Gus Hamish Hank Harold Harvey Hassan Hector Herman Homer
        Howard Hubert Hugh Ian Igor Isaac Ivan Jasper Jerome Jesse Jim Jonah Jonas Jose Josh
        Julian Jules Kai Karim Keith Kenji Kevin Kofi Kurt Lars Lewis Liam Linus Lionel Logan
        Lorenzo Louie Luca Magnus Malik Marco Marcus Mario Martin Marvin Mason Mateo Matt
        Maurice Miguel Mike Miles Monty Morris Murray Nathan Ned Neil Nelson Nico Nigel Norman
        Olaf Omar Orson Oswald Otto Pablo Patrick Percy Perry Philip Pierre Quentin Quincy Rafi
        Ralph Ravi Ray Reggie Rex Ricky Roger Roland Roman Ronan Roy Rufus Rupert Russell Samir
        Scott Sebastian Seth Silas Simon Solomon Spencer Stanley Stefan Stuart Sven Tariq Ted
        Thomas Tobias Tomas Tony Travis Trevor Tristan Tyler Vernon Victor Vincent Wallace
        Walter Warren Wesley Wilbur Winston Wyatt Xavier Yusuf Zack Zane""",
}
SURNAMES = """Hill Brook Green Applewood Baker Barley Beech Bell Berry Birdwhistle Birch Bloom Bramble
        Briggs Brown Bunting Butterworth Button Candlewick Carter Castle Cherry Clay Cobb Copper
        Cotton Crabtree Crumb Dale Darling Dove Drummond Dumpling Duffy Elderberry Elm
        Fairweather Fennel Fern Fiddler Finch Fisher Flint Foxglove Frost Garland Gill Goodwin
        Grove Hathaway Hawthorn Heath Hollis Honeycutt Hopkins Hornby Jolly Juniper Kettle
        Kingfisher Lamb Lark Larkspur Linden Loveday Maple Marigold Marsh Mayberry Meadows
        Merriweather Miller Mills Moon Moss Mulberry Munro Nettle Nightingale Oakley Oldfield
        Orchard Parsley Partridge Peabody Pebble Pepper Perkins Pickle Pine Plum Pocket Potts
        Primrose Pudding Quill Radish Reed Rivers Robinson Rosewood Rowan Sage Sandberg Shepherd
        Snow Sparrow Starling Stone Sunday Swift Tanner Teasel Thatcher Thimble Thistle Thorn
        Tidewell Toft Turner Twigg Underhill Vale Wainwright Walnut Waters Weatherby Wheeler
        Whitlock Wickens Willow Winter Wood Woolley Wren Yarrow Yew"""
KIN = """mother:she father:he grandmother:she grandfather:he aunt:she uncle:he mom:she dad:he
        grandma:she grandpa:he mama:she papa:he granny:she nanny:she stepmother:she
        stepfather:he godmother:she godfather:he"""

NOUNS = {
    "toy": """ball kite doll drum hat whistle scarf boat wagon yo-yo puppet teddy_bear robot truck
        train balloon blanket backpack bracelet bucket button cap cape car coin crown cup flag
        flute jacket jump_rope lantern mitten mug necklace notebook pencil piggy_bank pillow
        pinwheel purse puzzle rattle ribbon ring rocket sailboat scooter shovel slipper
        spinning_top sweater tambourine trumpet toy_horse umbrella wand xylophone paintbrush
        marble bell brooch comb crayon feather glove hairpin harmonica headband key kazoo locket
        lunchbox mask medal music_box paddle pebble picture_book plane pocket_watch pouch
        rag_doll sandal seashell sled slingshot snow_globe sock spyglass sticker stuffed_rabbit
        suitcase telescope thimble top_hat tractor trinket vest wallet watch watering_can
        whirligig windmill beret boomerang bonnet bow_tie compass diary domino frisbee helmet
        hula_hoop magnet magnifying_glass ocarina parasol pendant periscope racket satchel
        skateboard tiara tricycle typewriter ukulele visor accordion abacus""",
    "curio": """teapot mirror clock lamp vase candle basket bottle bowl box broom chest doorbell fan
        hourglass jar kettle map painting plate pot rug statue trophy armchair barometer
        birdcage bookend bookmark cabinet calendar camera candlestick cane carpet chandelier
        charm chessboard cloak coat_rack coffee_mill cuckoo_clock cupboard curtain cushion dish
        doormat dresser easel egg_timer envelope figurine fishbowl flask flowerpot footstool
        fountain_pen frame goblet gramophone hammock hatbox hatstand horseshoe inkwell jewel jug
        ladle letter_opener lampshade lute medallion nutcracker ornament paperweight parchment
        pepper_mill photograph piano pitcher platter postcard quilt radio rocking_chair saddle
        sampler saucer scroll sewing_machine shield signpost snuffbox spinning_wheel spoon
        stamp_album stool sundial tablecloth tankard tapestry teacup teaspoon tray trunk tureen
        wardrobe washtub weathervane wig wind_chime wreath anchor antler atlas bagpipe
        balance_scale barrel_organ bathtub bell_jar carousel cello dictionary doily dollhouse
        encyclopedia footlocker globe harpsichord jack-in-the-box kaleidoscope lectern lyre
        mandolin marionette metronome microscope pendulum pestle phonograph puppet_theater
        sarcophagus sextant skeleton_key tea_cozy treasure_chest umbrella_stand zither""",
    "tool": """hammer rope ladder net saw brush needle rake hook wrench pin hoe axe drill wheelbarrow
        mop sponge screwdriver scissor_case nail file chisel trowel pulley pump crowbar spade
        pitchfork sickle toolbox whetstone anvil clamp crank dustpan fishing_rod flashlight
        funnel garden_hose grater handsaw lever lasso mallet measuring_tape notepad oilcan
        peeler plunger ruler sieve spatula stapler stepladder thermometer toothbrush washboard
        winch whisk yardstick zipper spirit_level soldering_iron corkscrew can_opener
        paint_roller bread_knife rolling_pin oar rudder plow scythe""",
    "cloth": """hat coat scarf dress shirt cap apron cloak jacket sweater vest gown hood skirt suit robe
        tunic uniform waistcoat raincoat bonnet cardigan blouse shawl cape jersey kimono
        nightgown overcoat parka poncho sari smock sash tracksuit turban tuxedo bathrobe beanie
        fedora kilt bandana bowler_hat sombrero necktie pinafore jumpsuit windbreaker anorak
        blazer hoodie pullover turtleneck veil wetsuit fez frock caftan stocking_cap toga""",
    "place": """pond river park forest lake hill barn beach meadow garden bridge cave mill market field
        farm harbor lighthouse playground orchard well tower castle valley waterfall windmill
        school station library museum bakery cliff canyon creek swamp marsh island dock pier
        fountain gate greenhouse hedge_maze inn jungle_gym kennel lagoon mine monastery moor
        oak_grove observatory palace pasture pumpkin_patch quarry ranch reservoir ruin sand_dune
        sawmill shipyard spring stable stream summit temple theater treehouse tunnel vineyard
        volcano watchtower wharf woods zoo abbey amphitheater aquarium arena bay bell_tower bog
        brickyard campground carnival cathedral chapel circus clearing cornfield cottage
        courtyard cove crossroads dam dell desert factory ferry fishpond fort gazebo glacier
        glen gorge grotto gully haystack headland heath hollow ice_rink junkyard knoll lily_pond
        maze mesa millpond moat mountain oasis outpost pavilion peak plaza prairie quay railway
        ravine reef ridge roundhouse shore skating_rink slope stockyard tide_pool trail trench
        village_green wetland wishing_well woodshed zigzag_path""",
    "landmark": """tree fence gate rock wall bush house path bridge hedge log stump bench sign post puddle
        pole shed well hut cottage fountain haystack mailbox lamppost statue arch archway ditch
        barn birdbath boulder cart chimney doorway drain porch railing scarecrow signpost
        stairway stile tent trellis trough windowsill woodpile anthill beehive bird_feeder
        birdhouse clothesline compost_heap crossing drawbridge flagpole flower_bed footbridge
        footpath garden_gnome gutter hammock hydrant molehill mushroom patio pebble_path pergola
        picket_fence sandbox seesaw slide sprinkler sundial swing tire_swing toadstool turnstile
        veranda wagon_wheel weathervane""",
    "furniture": """bed table chair sofa shelf desk rug bench cupboard stove piano couch dresser armchair
        bookcase wardrobe fireplace sink bathtub bookshelf cabinet clock cradle crib cushion
        doormat drawer fridge heater highchair ladder lamp laundry_basket mattress nightstand
        oven radiator rocking_chair screen sideboard staircase stool teapot toy_chest trash_can
        umbrella_stand washing_machine woodpile workbench chest_of_drawers coat_rack daybed
        footstool settee bunk_bed blanket_box flowerpot""",
    "container": """box basket bag jar bottle bucket sack bowl pot barrel chest crate drawer envelope pouch
        purse backpack bathtub bin briefcase can canister carton case cooler flask hamper
        handbag jug keg kettle locker lunchbox mug packet pail pan parcel pitcher pocket
        pillowcase rucksack satchel shoebox suitcase teapot thermos trunk tub vase wallet
        wheelbarrow""",
    "animal": """dog cat rabbit fox bear mouse/mice bird squirrel frog duck turtle horse cow pig
        sheep/sheep goat lion tiger monkey elephant hedgehog deer/deer owl hen wolf/wolves puppy
        kitten pony lamb donkey beaver badger otter raccoon mole hamster koala panda zebra
        giraffe hippo camel kangaroo penguin seal walrus weasel skunk porcupine chipmunk bunny
        alpaca antelope armadillo baboon bat bison bobcat buffalo/buffalo bull calf/calves
        capybara caribou/caribou cheetah chimpanzee chinchilla cougar coyote crocodile dingo
        dormouse/dormice ferret fawn gazelle gecko gerbil gibbon gnu gopher gorilla groundhog
        guinea_pig hare hyena ibex iguana jackal jaguar jerboa lemming lemur leopard lizard
        llama lynx/lynxes marmot marten meerkat mongoose moose/moose mule muskrat newt ocelot
        okapi opossum orangutan ox/oxen panther piglet platypus polecat polar_bear pug puma ram
        rat reindeer/reindeer rhino salamander shrew sloth snake stag stallion stoat tapir
        terrapin toad tortoise vole wallaby warthog wildcat wolverine wombat woodchuck yak""",
    "bird": """robin sparrow crow owl duck goose/geese swan pigeon dove parrot blackbird
        bluebird canary cardinal chickadee cockatoo crane cuckoo curlew eagle egret falcon finch
        flamingo goldfinch grebe grouse/grouse gull hawk heron hummingbird ibis jackdaw jay
        kestrel kingfisher kiwi lapwing lark loon macaw magpie mallard nightingale nuthatch
        oriole osprey ostrich parakeet partridge peacock pelican pheasant plover puffin quail
        raven rook sandpiper seagull skylark snipe starling stork swallow swift tern thrush
        toucan turkey vulture wagtail warbler waxwing woodpecker wren""",
    "bug": """bee butterfly ladybug ant beetle spider cricket dragonfly firefly grasshopper snail moth
        caterpillar worm bumblebee centipede cicada damselfly earwig fly gnat hornet inchworm
        katydid ladybird lacewing locust mantis mayfly midge millipede mosquito/mosquitoes slug
        stick_insect termite wasp weevil water_strider woodlouse/woodlice""",
    "fish": """fish/fish crab whale dolphin goldfish/goldfish shark starfish/starfish octopus seahorse
        lobster shrimp/shrimp trout/trout salmon/salmon eel carp/carp clam catfish/catfish
        cod/cod herring jellyfish/jellyfish mackerel manatee minnow mussel narwhal orca oyster
        perch/perch pike/pike porpoise pufferfish/pufferfish sardine sea_lion sea_urchin
        squid/squid stingray sunfish/sunfish swordfish/swordfish tadpole tuna/tuna barnacle
        anchovy angelfish/angelfish barracuda""",
    "tree": """oak apple pine maple willow birch pear cherry elm plum ash beech cedar chestnut fir
        hazel walnut poplar olive palm peach fig holly juniper larch lemon lime linden magnolia
        mulberry orange redwood rowan sequoia spruce sycamore yew acacia alder almond aspen
        baobab cypress ebony elder eucalyptus hawthorn hickory laurel mahogany mango pecan
        persimmon quince teak""",
    "flower": """rose daisy tulip sunflower daffodil buttercup lily violet poppy bluebell dandelion iris
        pansy primrose snowdrop marigold peony orchid geranium hyacinth lupin aster azalea
        begonia bellflower camellia carnation chrysanthemum clover columbine cornflower cowslip
        crocus cyclamen dahlia delphinium forget-me-not foxglove freesia fuchsia gardenia
        gladiola hibiscus hollyhock honeysuckle hydrangea larkspur lilac lotus morning_glory
        nasturtium petunia rhododendron snapdragon sweet_pea thistle verbena water_lily wisteria
        zinnia""",
    "food": """cake pie cookie apple sandwich pancake bun muffin carrot egg banana pear cupcake donut
        biscuit peach orange plum tart waffle bagel baguette brownie burger burrito candy
        cheesecake corncob cracker crepe croissant custard_pie doughnut dumpling eclair fig_roll
        fishcake flapjack fritter gingerbread_man gumdrop ice_cream_cone jellybean kebab
        lollipop macaroon marshmallow meatball meringue milkshake mince_pie noodle omelet
        onion_ring oatcake pastry peanut pickle pizza popsicle pork_pie potato_pie pretzel
        pudding quiche raisin samosa sausage scone shortcake snack spring_roll strudel sundae
        taco toffee_apple torte truffle turnover wrap apricot_tart blueberry_muffin butterscotch
        caramel cinnamon_roll coconut_bar fruit_bar honey_cake lemon_drop licorice_stick mint
        nougat_bar oat_bar praline rice_ball rhubarb_tart sherbet_cone tangerine turnip_pasty
        yam""",
    "crop": """apple pear plum cherry peach berry strawberry carrot potato/potatoes tomato/tomatoes
        pumpkin bean pea nut grape lemon orange onion mushroom blueberry raspberry blackberry
        melon cabbage turnip cucumber radish beet almond apricot artichoke aubergine avocado
        banana beetroot cashew cauliflower chestnut chili coconut cranberry currant date
        eggplant elderberry fig gooseberry grapefruit guava hazelnut kumquat leek lentil lettuce
        lime loganberry lychee mango/mangoes mulberry nectarine olive papaya parsnip
        passion_fruit peanut pecan pepper pineapple pistachio plantain pomegranate prune quince
        raisin rutabaga satsuma shallot sprout squash sweet_potato/sweet_potatoes tangerine
        walnut watermelon yam zucchini""",
    "job": """farmer baker teacher doctor sailor gardener king queen cook carpenter shepherd miller
        fisherman/fishermen nurse tailor painter pilot postman/postmen librarian blacksmith
        clown captain knight hunter singer dancer builder potter barber butcher cobbler driver
        plumber wizard woodcutter acrobat actor admiral archer architect artist astronaut
        astronomer author ballerina banker beekeeper bellringer botanist bricklayer bus_driver
        butler candlemaker cartographer cheesemaker chef chemist cleaner clerk clockmaker coach
        composer conductor cowboy dairymaid dentist designer detective diver drummer duchess
        duke editor electrician engineer explorer ferryman/ferrymen fiddler firefighter florist
        forester geologist glassblower goatherd goldsmith governor grocer guard guide harpist
        herbalist hermit innkeeper inventor jeweler jockey judge juggler lamplighter lawyer
        lifeguard locksmith lumberjack magician mailman/mailmen mason mayor mechanic merchant
        messenger milkmaid miner minister minstrel monk musician nanny newspaper_boy
        night_watchman/night_watchmen optician organist peddler pharmacist photographer pianist
        pirate plasterer poet police_officer porter president prince princess printer professor
        prospector puppeteer ranger referee reporter roofer saddler scientist scout sculptor
        seamstress secretary sheriff shipbuilder shopkeeper silversmith soldier spinner
        stonecutter storyteller surgeon swimmer tanner thatcher toymaker train_driver
        trapeze_artist truck_driver violinist waiter waitress warrior washerwoman/washerwomen
        watchmaker weaver welder woodcarver writer zookeeper""",
    "fragile": """vase teapot mirror lamp bowl jar plate clock cup mug teacup window_box bottle
        candlestick chandelier cuckoo_clock dish egg_timer figurine fishbowl flask flowerpot
        fruit_bowl goblet gravy_boat hourglass inkwell jug lampshade magnifying_glass music_box
        ornament pitcher platter punch_bowl salad_bowl saltshaker saucer snow_globe soup_bowl
        statue sugar_bowl tankard tureen urn vial wine_glass barometer bell_jar birdbath bust
        decanter globe kaleidoscope lantern""",
    "guest": """neighbor stranger visitor baby twin schoolgirl schoolboy bookworm
        grandchild/grandchildren newcomer passerby/passersby toddler bystander cousin niece
        nephew godchild/godchildren schoolmate traveler villager wanderer pensioner pilgrim
        tourist""",
    "building": """bakery shop house barn school mill library church post_office market_hall inn castle
        cottage toy_shop bank bookshop bus_stop butcher's_shop cafe candy_store cheese_shop
        chapel cinema city_hall clinic cloth_store concert_hall courthouse dairy fire_station
        fish_market flower_shop forge gallery garage grocery_store gymnasium hardware_store
        hospital hotel ice_cream_parlor kiosk laundry lodge mansion museum music_hall nursery
        palace pancake_house pharmacy police_station pottery restaurant schoolhouse smithy
        tavern tea_shop theater toolshed town_hall train_station warehouse workshop""",
    "vehicle": """cart truck bus train wagon car bicycle tractor van boat carriage taxi tram motorcycle
        scooter sled ambulance bulldozer buggy camper caravan chariot coach convertible
        dump_truck fire_engine ferry forklift handcart ice_cream_truck jeep limousine locomotive
        minibus moped mule_cart rickshaw rowboat sidecar sleigh snowplow stagecoach steamroller
        streetcar trolley tugboat unicycle wheelbarrow""",
    "treasure": """pebble acorn shell leaf/leaves stick button feather stone pinecone marble coin ribbon
        bead seed bottle_cap postcard stamp petal twig clover chestnut crystal doorknob fossil
        gem geode icicle key map medal nugget nutshell pearl pine_needle poem puzzle_piece
        riddle shoelace snail_shell snowflake songbook spark sticker ticket
        token walnut_shell wheel whistle conker eggshell emerald sapphire garnet moonstone agate""",
    "topic": """star pirate dinosaur dragon castle planet ship volcano/volcanoes giant comet ghost robot
        rocket rainbow island king mermaid monster wizard whale witch/witches adventure bridge
        butterfly carnival cloud cowboy cyclone desert earthquake eclipse elf/elves explorer
        fairy galaxy glacier gnome goblin iceberg igloo invention jungle kingdom knight
        labyrinth leprechaun lightning_bolt magnet meteor moon mountain mummy/mummies mystery
        ninja ocean orchestra parade phoenix puppet pyramid queen river sandcastle satellite
        sea_serpent shipwreck shooting_star skyscraper sorcerer spaceship sphinx spy/spies
        submarine telescope thunderstorm tornado/tornadoes treasure_map troll tunnel unicorn
        vampire viking waterfall windmill yeti zeppelin""",
    "helper": """fairy elf/elves gnome wizard dwarf/dwarves genie goblin mermaid dragon giant sprite
        witch/witches brownie imp nymph ogre pixie sorcerer troll unicorn leprechaun phoenix
        griffin enchantress magician star_child moon_maiden wood_spirit water_nymph snow_queen
        sandman/sandmen dryad""",
    "instrument": """drum flute violin piano guitar trumpet harp banjo bugle cello clarinet cymbal fiddle
        gong harmonica horn kazoo lute lyre mandolin oboe organ panpipe piccolo recorder
        saxophone sitar tambourine triangle trombone tuba ukulele viola xylophone accordion
        bagpipe bassoon concertina cornet dulcimer marimba zither""",
    "sound": """bang crash thump splash pop squeak creak clang crunch rustle bump click thud snap whoosh
        clatter rattle boom buzz clank clap clink crackle drip growl gurgle hiss howl hum jingle
        knock plop rumble scrape screech shriek sizzle slam smack snort squelch swish swoosh tap
        thwack tinkle twang wail wheeze whirr zap zoom""",
    "room": """kitchen bedroom attic cellar hallway garden pantry bathroom barn study porch playroom
        workshop basement laundry dining_room living_room nursery closet conservatory den garage
        hayloft library lounge parlor scullery shed storeroom sunroom spare_room loft""",
    "body": """nose ear knee elbow chin cheek ankle toe thumb shoulder tummy finger neck wrist back
        heel forehead eyebrow""",
}

VERBS = {
    "move": """walk run hurry skip march tiptoe stroll wander dash race jog hop trot creep gallop plod
        rush shuffle stride tramp trudge amble bolt bounce bound canter charge clamber climb
        crawl dance dart drift float glide hike hobble hurtle inch jump leap limp lumber lurch
        meander mosey pace pad parade patter pedal prance prowl ramble roam roll sail saunter
        scamper scoot scramble scurry scuttle shamble sidle skate skid skitter slide slink slip
        slither sneak spin spring sprint stagger stomp stray stumble strut sweep swerve swim
        swoop tear toddle totter traipse travel tumble twirl venture waddle waltz whirl whiz zip
        zigzag zoom""",
    "rest": """sleep sit play eat yawn sing wait hide dig rest stretch drink nap snore hum sniff doze
        graze dance jump dream nibble roll snooze squeak whistle bask bathe blink burrow cackle
        chatter chew chirp chuckle crouch cuddle dawdle daydream drool feast fidget fish flutter
        forage frolic gaze giggle gnaw groom growl grumble grunt hiccup hop huddle jiggle knit
        lap laze linger listen loaf lounge lurk meditate mumble munch mutter paddle pant perch
        ponder pose pout preen purr quiver relax romp rummage scowl scratch shiver shudder sigh
        slouch slumber slurp snicker sneeze sniffle snort snuggle spin splash squat squirm sulk
        sunbathe swing sway tremble twitch wallow wiggle wink wobble work wriggle""",
    "skill": """swim dance sing skate juggle draw whistle knit paint bake sew read cook climb ride write
        garden sail act count cartwheel dive fish hum jump paddle row ski spell surf swing weave
        yodel box carve debate doodle embroider experiment explore exercise hike improvise
        invent jog meditate memorize rap recite run sculpt skip sled snorkel somersault sprint
        tap-dance tumble type waltz windsurf wrestle""",
}
IRREGULAR = """frolic frolicked frolicking,run ran running,sing sang singing,swim swam swimming,
        sit sat sitting,eat ate eating,hide hid hiding,dig dug digging,sleep slept sleeping,
        drink drank drinking,swing swung swinging,creep crept creeping,stride strode striding,
        spin spun spinning,leap leapt leaping,slide slid sliding,slink slunk slinking,spring sprang springing,
        sweep swept sweeping,tear tore tearing,make made making,build built building,draw drew drawing,write
        wrote writing,ride rode riding,read read reading,catch caught catching,tell told
        telling,grow grew growing,fly flew flying,feed fed feeding,dream dreamed dreaming,weave
        wove weaving,dive dived diving,blow blew blowing, give gave giving,do did doing,put put
        putting,find found finding,keep kept keeping,think thought thinking, sew sewed
        sewing,bake baked baking,row rowed rowing,learn learned learning,act acted acting,look
        looked looking, play played playing,mow mowed mowing,box boxed boxing,fix fixed
        fixing,count counted counting,take took taking, hold held holding,throw threw
        throwing,wind wound winding,teach taught teaching,cut cut cutting,shake shook
        shaking,string strung stringing,invent invented inventing,visit visited visiting,wear
        wore wearing,mend mended mending,lap lapped lapping,travel traveled traveling,wander
        wandered wandering,whistle whistled whistling"""
DOUBLED = """hop skip trot jog slip skid plod nap chat bat hum jig tap plan pat rap squat strut zip
        hug pet trim clap spot chop sled zigzag trap whip dab wrap knit pad scrub bob mop swap
        whiz"""

HOBBIES = """paint_pictures bake_bread sing_songs read_books climb_trees build_towers catch_frogs
        tell_jokes collect_shells draw_animals dance_in_the_rain ride_horses make_kites
        plant_flowers play_chess count_stars write_poems watch_birds fly_kites feed_ducks
        grow_tomatoes solve_puzzles play_the_drums knit_scarves jump_over_puddles bake_cookies
        blow_bubbles build_sandcastles carve_spoons chase_butterflies collect_stamps cook_soup
        design_hats dig_for_worms do_magic_tricks draw_maps explore_caves fix_clocks
        fly_paper_planes fold_paper gather_mushrooms grow_cactuses hunt_for_fossils invent_games
        invent_machines juggle_oranges learn_riddles listen_to_records look_at_clouds
        make_candles make_jewelry make_lemonade make_masks make_pottery make_puppets
        memorize_facts mend_old_toys paint_eggs pick_berries plant_vegetables play_checkers
        play_hopscotch play_marbles play_the_banjo play_the_fiddle play_the_flute
        play_the_guitar play_the_piano play_the_trumpet play_the_violin press_leaves
        pretend_to_be_a_pirate put_on_plays race_snails raise_rabbits read_comics recite_rhymes
        ride_bicycles roller-skate row_boats sail_toy_boats sew_dolls sketch_faces skip_stones
        sort_buttons spot_planets stack_blocks string_beads study_insects swim_in_the_sea
        swing_on_gates take_photographs teach_parrots_to_talk tell_stories train_mice
        trim_hedges visit_museums watch_ants watch_trains weave_baskets whistle_tunes wind_wool
        write_letters wear_costumes walk_on_stilts wrap_presents build_model_ships build_robots
        care_for_bees collect_coins decorate_cakes fish_for_trout play_tennis play_soccer
        practice_ballet practice_karate"""

ADJECTIVES = {
    "person": """little kind happy brave clever young curious cheerful gentle shy quiet friendly lively
        funny busy playful polite smart helpful bold bright careful dreamy eager honest jolly
        lucky merry patient proud silly stubborn sunny sweet tall thoughtful tiny active
        adventurous affectionate agreeable amiable amusing artistic attentive bashful bouncy
        bubbly calm caring charming chatty cheeky confident considerate courageous courteous
        crafty creative daring dependable determined diligent dutiful earnest easygoing
        energetic enthusiastic fearless fidgety forgetful forgiving freckled generous giggly
        good-hearted good-natured graceful grateful hardworking hopeful humble imaginative
        impatient impulsive independent industrious ingenious innocent inquisitive intelligent
        inventive joyful keen kindhearted level-headed light-hearted likable lovable loving
        loyal mischievous modest musical neat nimble noisy optimistic outgoing peaceful plucky
        practical quick-witted quirky red-haired reliable resourceful restless rosy-cheeked
        scrappy sensible sensitive serious sincere sleepy soft-spoken spirited sprightly spunky
        steadfast studious talkative tender-hearted tidy timid tireless trusting trustworthy
        truthful understanding unselfish warm-hearted well-mannered whimsical wide-eyed wiry
        witty wise zany zealous""",
    "thing": """old new pretty shiny strange lovely beautiful broken dusty special wonderful odd plain
        heavy funny fancy magic handsome golden cracked rusty perfect delicate tattered splendid
        ancient antique battered bent bulky carved charming cheap chipped clean clumsy colorful
        costly crooked curious curved dainty dazzling decorated dented dirty dull elaborate
        elegant enamel enormous exotic expensive exquisite faded familiar fine flimsy foreign
        fragile gaudy gigantic glamorous gleaming glittering glossy glowing gorgeous grand
        grubby handmade hefty hollow homemade humble imported intricate jeweled knobby large
        lopsided lumpy magnificent massive medium-sized miniature modern mossy mysterious narrow
        neat one-of-a-kind ordinary ornate oval painted patched peculiar petite pointed polished
        portable precious priceless quaint rare ridiculous rickety rough round rugged rustic
        scratched scruffy secondhand shabby shapeless simple sleek slender slim smooth sparkling
        speckled spotless spotted square stately sticky striped sturdy stylish tarnished thick
        tidy tiny triangular twisted ugly unusual useful useless valuable varnished velvety
        vintage wavy weathered well-made whimsical wobbly worn wrinkled""",
    "scenic": """small big quiet green tall old pretty sunny mossy lonely windy shady peaceful muddy
        narrow leafy cool crooked steep misty rocky grassy dusty wide high foggy gloomy dark
        bright ancient bare barren beautiful bleak breezy bushy bustling calm chilly cold
        colorful cozy craggy crumbling damp deserted distant dreary drowsy dry echoing empty
        enchanted faraway fertile flowery forgotten fragrant fresh frosty frozen gigantic
        glorious golden grand hazy hidden hilly historic homely hushed icy idle idyllic immense
        inviting jagged lively lovely low lush majestic marvelous messy modest moonlit
        mysterious neglected noisy ordinary overgrown painted picturesque pleasant prickly
        quaint remote restful rugged rustic scenic secluded secret serene shadowy sheltered
        silent sleepy slippery snowy soggy spooky spotless sprawling steamy still stony stormy
        sturdy swampy thorny tidy tranquil tropical twisting uneven unspoiled vast verdant
        weathered weedy well-kept whitewashed wild winding wooded""",
    "beast": """small big brown gray fat fluffy sleepy hungry old furry lazy tiny wild clever spotted
        noisy skinny friendly timid plump greedy grumpy silly black white agile alert angry
        awkward bashful bold bony bossy bushy-tailed calm chubby clumsy confused contented
        cranky cunning curious dappled dignified dizzy dozy drowsy elderly excited fierce
        floppy-eared forlorn freckled frisky fussy fuzzy gangly gentle gigantic gloomy golden
        graceful haughty huge impatient inky inquisitive jittery jumpy lanky lonely long-legged
        loud majestic mangy massive meek muddy muscular mysterious nervous nosy odd-looking
        patient peaceful perky placid playful portly proud puny puzzled quick ragged rascally
        rowdy sandy scrawny shaggy shy silky silver sleek slender slimy slippery sly snowy
        snub-nosed soggy solemn speckled speedy spiky sprightly stout striped strong sturdy
        stubborn swift tame tawny thirsty tired tough toothless velvety vain wary watchful weary
        well-fed wet whiskered wily wobbly woolly young yellow zippy""",
    "tasty": """warm fresh hot tasty sticky juicy big yummy crunchy soft creamy crispy delicious spicy
        salty sour buttery burnt cheesy chewy chocolate cold crumbly crusty delightful flaky
        fluffy freshly_baked fried frosted fruity fudgy garlicky gingery glazed golden gooey
        greasy hearty homemade honeyed iced jam-filled lemony luscious mashed mellow melted
        minty moist mouth-watering nutty peppery piping-hot plain plump powdered roasted rich
        ripe savory scrumptious seasoned smoked steaming stuffed sugary syrupy tangy tender
        toasted vanilla zesty""",
    "hue": """red blue green yellow purple pink orange white black brown gray golden silver violet
        turquoise scarlet crimson amber aqua azure beige bronze burgundy cherry-red chestnut
        copper coral cream emerald fuchsia indigo ivory jade khaki lavender lemon lilac lime
        magenta maroon mauve mint-green mustard navy_blue ochre olive peach pearl plum ruby-red
        rust-red sapphire sky-blue tan tangerine teal vermilion wine-red""",
    "stuff": """wooden silver iron glass paper tin stone gold brass clay copper straw bamboo bronze
        cardboard china crystal enamel ivory marble metal mosaic pewter plastic porcelain slate
        steel wax wicker wire granite jade pottery oaken chrome amber birchwood cork""",
    "fabric": """silk woolen velvet canvas cotton denim felt flannel knitted lace leather linen satin
        suede tartan tweed corduroy cashmere checkered crocheted embroidered fleece frilly gauze
        gingham hemp mohair muslin patchwork plaid polka-dot quilted ruffled sheepskin taffeta
        tulle waterproof""",
    "glad": """happy glad proud excited pleased joyful cheerful thankful delighted merry lucky grateful
        relieved hopeful amazed amused blissful calm carefree comforted contented ecstatic
        elated encouraged enchanted gleeful heartened jolly jubilant light-hearted loved
        overjoyed peaceful radiant refreshed reassured satisfied serene tickled triumphant
        thrilled upbeat warm wonderful""",
    "upset": """sad worried upset lonely unhappy sorry afraid scared gloomy miserable nervous tearful
        troubled confused alarmed anxious ashamed bewildered brokenhearted concerned crestfallen
        crushed dejected desperate disappointed discouraged dismal dismayed distressed downcast
        fearful flustered forlorn frantic frightened frustrated glum grieved guilty heartbroken
        heavy-hearted helpless homesick hopeless hurt jittery lost melancholy mournful panicky
        shaken shocked startled terrible uneasy weepy woeful wretched""",
    "weather": """sunny rainy windy cold warm bright cloudy snowy foggy hot stormy fine chilly frosty cool
        lovely clear gray misty breezy balmy blustery brisk crisp damp dewy drizzly dry dull
        freezing fresh gentle glorious golden gusty hazy humid icy mild muggy nippy overcast
        perfect pleasant scorching showery sleety soggy sparkling steamy still sultry sweltering
        thundery wet wild wintry""",
}

ADVERBS = {
    "how": """slowly quickly quietly happily carefully gently softly bravely merrily sadly eagerly
        swiftly calmly lazily gladly proudly silently briskly boldly suddenly nervously
        playfully steadily anxiously awkwardly blissfully breathlessly brightly busily casually
        cautiously cheerfully clumsily confidently contentedly courageously curiously daintily
        daringly dizzily doggedly dreamily drowsily effortlessly elegantly energetically
        enthusiastically excitedly fearlessly feverishly frantically freely gaily gingerly
        gleefully gloomily gracefully grandly hastily haughtily hesitantly hopefully hurriedly
        idly impatiently impulsively innocently joyfully joyously jauntily lightly limply
        majestically meekly mischievously mysteriously nimbly noiselessly noisily obediently
        patiently peacefully promptly purposefully rapidly recklessly reluctantly restlessly
        secretly sheepishly shyly sleepily sluggishly smoothly solemnly speedily spiritedly
        stealthily stiffly stubbornly sturdily timidly tirelessly unsteadily warily wearily
        wildly wobbily zestfully""",
    "tone": """softly kindly gently quietly happily sadly warmly politely cheerfully calmly shyly
        proudly brightly firmly slowly wisely sweetly thoughtfully seriously admiringly
        affectionately briskly carefully casually cautiously coolly cordially courteously
        crossly curtly dreamily drily earnestly emphatically encouragingly evenly faintly fondly
        frankly gravely gruffly heartily helpfully hoarsely hopefully humbly jokingly knowingly
        lovingly meekly merrily mildly modestly nervously patiently plainly playfully pleasantly
        promptly reassuringly respectfully sharply simply sincerely slyly solemnly sternly
        tenderly timidly tiredly truthfully wearily wistfully""",
}

PLAIN = {
    "town": """Willowbrook Maplewood Oakville Riverbend Greenfield Sunnydale Rosehill Brightwater
        Appleton Fernhill Ashby Barleymow Bellhaven Birchwood Bluebell_Bay Bramblewick Briarwood
        Brookside Bumbleton Buttercup_Hill Cloverdale Copperfield Cranberry_Cove Crickleford
        Dandelion_Dell Daisymead Dewdrop Dovecote Driftwood Eastwick Elmhurst Fairhaven
        Featherstone Fiddlewood Foxhollow Frogmore Gingerford Gooseberry_Green Goldcrest
        Hailsham Hartfield Hazelmere Hedgeton Hollybush Honeywell Hopewell Ivybridge
        Jasmine_Hill Kettleby Kingsbrook Larkfield Lavenham Lemonwood Lilyford Littlebridge
        Longmeadow Lower_Puddle Marigold_Marsh Meadowbrook Merryton Millstone Mistvale
        Moonbridge Mossbank Mulberry_Lane Nettlefield Nutwood Oldbridge Otterbrook Owlsworth
        Pebble_Beach Peppermill Periwinkle Pinecrest Plumfield Pondside Primrose_Hill Puddleby
        Quailridge Rabbitsfoot Rainford Ravenscar Redstone Rookwood Saltmarsh Sandy_Point
        Seabright Shellport Silverlake Skylark_Hill Snowdon Sparrowfield Springwell Starfield
        Stonebridge Strawberry_Vale Summerton Swanlake Thistledown Thornbury Tidewater Timberton
        Toadstool_Valley Turnip_Town Twinkleby Underwood Upper_Puddle Valleyford Violet_Bay
        Waterside Westbury Wheatfield Whistledown Windermoor Winterbourne Wobbleton Woodside
        Yellowstone""",
    "count": """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
        sixteen seventeen eighteen nineteen twenty thirty forty fifty""",
    "pet": """Biscuit Pip Nutmeg Pepper Clover Bramble Button Whiskers Patch Ginger Muffin Socks Acorn
        Barnaby Bean Blossom Bubbles Bumble Butterball Caramel Chestnut Chip Cinnamon Cocoa
        Cookie Crumpet Domino Dumpling Fidget Flapjack Fluff Freckles Fudge Gizmo Hiccup
        Honeybun Jellybean Jingle Juniper Marble Marmalade Marshmallow Mischief Mittens Mopsy
        Noodle Nibbles Nugget Oatmeal Paprika Pebbles Pickles Pudding Pumpkin Quicksilver Ripple
        Rascal Scamper Scruff Shadow Skipper Smudge Snickers Snowball Sorrel Speckle Sprout
        Squeaky Sugarplum Tangle Teasel Thimble Tinker Toffee Treacle Truffle Tumbleweed Twiggy
        Waffles Wiggles Wobbles Ziggy""",
    "fear": """the_dark thunder spiders deep_water loud_noises heights big_dogs lightning snakes ghosts
        strangers shadows bats balloons bees bridges broccoli bulls caterpillars clowns cobwebs
        crowds dentists doctors dragons earthquakes echoes escalators feathers fireworks geese
        goblins haircuts haunted_houses hurricanes insects jellyfish ladders mice mirrors moths
        monsters nightmares owls parrots puppets quicksand rats roosters scarecrows sharks
        sirens snoring statues storms swings toads trains trolls tunnels vacuum_cleaners
        volcanoes wasps whirlpools witches wolves worms""",
    "trouble": """stuck_in_a_barrel caught_in_a_net trapped_under_a_log tangled_in_a_fence
        stuck_in_the_mud trapped_in_a_well caught_in_a_rope stuck_in_a_drainpipe
        tangled_in_a_kite_string trapped_behind_a_gate caught_in_a_bramble_bush
        stuck_between_two_rocks stuck_in_a_hollow_tree tangled_in_an_old_curtain
        trapped_inside_a_crate trapped_under_a_wheelbarrow caught_on_a_nail
        stuck_in_a_milk_churn wedged_in_a_chimney stuck_to_a_freshly_painted_bench
        pinned_under_a_ladder stranded_on_a_rooftop""",
    "peril": """lost_in_the_fog stuck_in_a_snowdrift lost_in_the_woods caught_in_a_storm
        trapped_in_a_cave stranded_on_an_island lost_in_a_cornfield stuck_on_a_ledge
        lost_in_a_blizzard adrift_in_a_leaky_boat trapped_in_a_dark_cellar
        stranded_beyond_the_river lost_among_the_sand_dunes stuck_at_the_bottom_of_a_pit
        lost_in_a_maze_of_alleys trapped_by_the_rising_tide lost_on_the_misty_moor
        locked_in_a_tower""",
    "rule": """alone after_dark without_a_grown-up in_the_rain without_asking before_breakfast
        without_boots at_midnight in_winter without_a_lantern when_the_wind_blew_hard
        when_the_bells_rang during_a_storm in_bare_feet when_the_ice_was_thin
        without_telling_anyone""",
    "substance": """stone iron wood gold silver marble glass ice brick bone bronze candy chocolate clay coal
        copper cork cotton diamond feathers flint gingerbread granite jade leather moonlight
        paper pearl rubber sand snow starlight steel straw sugar tin velvet wax wool""",
    "few": "two three four five six",
    "season": "spring summer autumn winter",
    "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "month": "January February March April May June July August September October November December",
    "dish": """soup bread milk porridge tea cake cheese jam honey stew rice pie butter juice chocolate
        toast pasta salad cocoa apple_juice applesauce bacon broth buttermilk caramel casserole
        cereal cheddar chili cider chowder cinnamon_toast coffee coleslaw cornbread curry
        custard flatbread fudge garlic_bread ginger_ale gingerbread granola gravy gumbo ham
        hot_chocolate hummus ice_cream jelly ketchup lasagna lemonade licorice macaroni
        maple_syrup marmalade marzipan mashed_potato molasses mustard nougat oatmeal paella
        pea_soup peanut_butter peppermint_tea pesto pizza_dough popcorn pot_roast pumpkin_soup
        ramen ravioli relish risotto roast_beef sauerkraut sherbet shortbread sourdough
        spaghetti spinach strawberry_jam sushi tapioca toffee tofu tomato_sauce trifle yogurt""",
    "game": """tag hide-and-seek catch chess marbles hopscotch leapfrog cards soccer tennis baseball
        basketball badminton billiards bingo bowling charades checkers cricket croquet darts
        dodgeball dominoes follow-the-leader golf handball hockey horseshoes jacks kickball
        lacrosse lawn_bowls musical_chairs pirates pretend polo quoits red_rover rounders rugby
        simon_says skittles softball tetherball tiddlywinks tug-of-war volleyball""",
    "said": """answered replied whispered called cried explained declared murmured exclaimed remarked
        announced""",
    "taste": """cinnamon vanilla honey roses pine smoke lavender mint hay rain cocoa ginger apples salt
        thyme basil cedar cloves cut_grass damp_earth old_leather peppermint rosemary saffron
        sage sawdust seaweed soap spices wood_smoke warm_bread wet_leaves""",
    "chore": """sweeping_the_steps washing_the_windows selling_flowers painting_a_door mending_a_net
        carrying_a_ladder watering_the_plants chopping_wood feeding_the_hens reading_a_newspaper
        fixing_a_wheel stacking_boxes arguing_with_a_goose balancing_on_a_chair blowing_a_horn
        brushing_a_mule building_a_chimney buying_ribbons changing_a_lightbulb
        chasing_a_runaway_hat cleaning_a_carpet counting_pennies drawing_a_circle_in_the_dust
        drying_the_dishes eating_a_late_lunch feeding_crumbs_to_the_pigeons folding_towels
        grinding_pepper hammering_nails hanging_a_lantern humming_an_old_waltz ironing_a_shirt
        juggling_three_potatoes knitting_a_sock laying_bricks leading_a_stubborn_donkey
        loading_a_wagon looking_for_lost_spectacles making_candles measuring_a_plank
        milking_a_cow nailing_up_a_notice oiling_a_hinge ordering_breakfast packing_a_parcel
        patching_a_roof peeling_onions picking_up_litter planting_bulbs plucking_a_harp
        polishing_boots posing_for_a_portrait posting_letters practicing_the_tuba pulling_weeds
        pumping_water pushing_a_pram raking_leaves repairing_an_umbrella ringing_a_handbell
        rolling_a_barrel scrubbing_the_porch sharpening_knives shearing_a_sheep shelling_peas
        shooing_away_a_cat shoveling_gravel sketching_the_rooftops sorting_eggs
        stirring_a_cauldron stitching_a_sail studying_a_chart tasting_cheese
        teaching_a_crow_to_count telling_a_long_joke trimming_a_beard tuning_a_fiddle
        tying_knots unloading_melons untangling_yarn waiting_for_the_afternoon_coach
        weighing_flour whittling_a_stick winding_the_big_clock wrapping_fish writing_in_a_ledger""",
}
