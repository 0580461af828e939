#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > customers.json <<'END'
{
 "865": {
  "name": "Ivo Kern \"K\"",
  "country": "DE",
  "since": "2009-01-02",
  "orders": 4,
  "spent_cents": 10550,
  "notes": [
   "called twice\n\nmoved house"
  ],
  "merged": [
   459
  ]
 },
 "395": {
  "name": "Dov Diaz",
  "country": "GB",
  "since": "2020-10-07",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "pays late\n##\nwants no mail"
  ],
  "merged": []
 },
 "777": {
  "name": "Eve Holm",
  "country": "GB",
  "since": "2019-10-26",
  "orders": 6,
  "spent_cents": 19700,
  "notes": [
   "moved house"
  ],
  "merged": [
   557
  ]
 },
 "431": {
  "name": "Jun Berg",
  "country": "DE",
  "since": "2017-01-06",
  "orders": 5,
  "spent_cents": 13850,
  "notes": [
   "wants no mail\n##\npays late"
  ],
  "merged": []
 },
 "42": {
  "name": "Dov Diaz",
  "country": null,
  "since": "2022-03-03",
  "orders": 1,
  "spent_cents": 3100,
  "notes": [],
  "merged": []
 },
 "266": {
  "name": "Dov Fox",
  "country": "DE",
  "since": "2011-10-07",
  "orders": 1,
  "spent_cents": 450,
  "notes": [
   "wants no mail",
   "moved house\n##\nwants no mail",
   "likes blue\n\nwants no mail"
  ],
  "merged": [
   334,
   590,
   823
  ]
 },
 "524": {
  "name": "Bo Cole",
  "country": "GB",
  "since": "2016-06-17",
  "orders": 1,
  "spent_cents": 3700,
  "notes": [],
  "merged": []
 },
 "498": {
  "name": "Kim Ito",
  "country": "DE",
  "since": "2013-11-28",
  "orders": 4,
  "spent_cents": 11800,
  "notes": [
   "wants no mail\n\ncalled twice"
  ],
  "merged": [
   445
  ]
 },
 "415": {
  "name": "Kim Diaz",
  "country": "DE",
  "since": "2010-08-30",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "803": {
  "name": "Bo Fox",
  "country": "DE",
  "since": "2021-12-02",
  "orders": 4,
  "spent_cents": 11900,
  "notes": [
   "likes blue\n\npays late"
  ],
  "merged": []
 },
 "850": {
  "name": "Dov Cole",
  "country": "US",
  "since": "2009-10-26",
  "orders": 2,
  "spent_cents": 4800,
  "notes": [],
  "merged": []
 },
 "311": {
  "name": "Lea Ash",
  "country": "GB",
  "since": "2010-10-31",
  "orders": 1,
  "spent_cents": 900,
  "notes": [],
  "merged": [
   502
  ]
 },
 "489": {
  "name": "Jun Berg",
  "country": "US",
  "since": "2009-07-06",
  "orders": 2,
  "spent_cents": 4950,
  "notes": [
   "moved house\n##\ncalled twice",
   "moved house"
  ],
  "merged": []
 },
 "367": {
  "name": "Kim Eck",
  "country": "FR",
  "since": "2010-07-28",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "likes blue\n\ncalled twice"
  ],
  "merged": [
   724
  ]
 },
 "598": {
  "name": "Ivo Holm",
  "country": "FR",
  "since": "2018-10-13",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "moved house"
  ],
  "merged": []
 },
 "224": {
  "name": "Gil Diaz",
  "country": "DE",
  "since": "2022-05-19",
  "orders": 2,
  "spent_cents": 4450,
  "notes": [
   "called twice\n##\nmoved house"
  ],
  "merged": []
 },
 "517": {
  "name": "Jun Cole",
  "country": null,
  "since": "2016-07-07",
  "orders": 1,
  "spent_cents": 4550,
  "notes": [
   "called twice",
   "wants no mail\n\npays late"
  ],
  "merged": [
   96
  ]
 },
 "143": {
  "name": "Chen Cole",
  "country": "DE",
  "since": "2013-07-25",
  "orders": 4,
  "spent_cents": 9150,
  "notes": [],
  "merged": []
 },
 "289": {
  "name": "Jun Holm",
  "country": "GB",
  "since": "2020-11-16",
  "orders": 2,
  "spent_cents": 3450,
  "notes": [],
  "merged": []
 },
 "144": {
  "name": "Kim Gray",
  "country": "DE",
  "since": "2012-12-03",
  "orders": 2,
  "spent_cents": 3950,
  "notes": [],
  "merged": []
 },
 "774": {
  "name": "Fay Gray",
  "country": "GB",
  "since": "2020-05-29",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "pays late"
  ],
  "merged": []
 },
 "98": {
  "name": "Lea Ash",
  "country": "FR",
  "since": "2014-08-18",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "pays late\n##\nwants no mail"
  ],
  "merged": []
 },
 "634": {
  "name": "Ada Ito",
  "country": "GB",
  "since": "2010-10-10",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "wants no mail\n\npays late"
  ],
  "merged": []
 },
 "819": {
  "name": "Fay Jansen; Sons",
  "country": "FR",
  "since": "2012-01-10",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "257": {
  "name": "Jun Cole",
  "country": "US",
  "since": "2017-01-21",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "likes blue"
  ],
  "merged": []
 },
 "546": {
  "name": "Gil Kern \"K\"",
  "country": "GB",
  "since": "2015-12-17",
  "orders": 1,
  "spent_cents": 1200,
  "notes": [],
  "merged": []
 },
 "723": {
  "name": "Lea Fox",
  "country": "US",
  "since": "2009-01-13",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "wants no mail\n\nasks for an invoice"
  ],
  "merged": []
 },
 "830": {
  "name": "Hana Gray",
  "country": "FR",
  "since": "2014-05-16",
  "orders": 3,
  "spent_cents": 6650,
  "notes": [
   "wants no mail\n##\nmoved house"
  ],
  "merged": []
 },
 "617": {
  "name": "Gil Lund",
  "country": "GB",
  "since": "2021-09-29",
  "orders": 3,
  "spent_cents": 7300,
  "notes": [],
  "merged": []
 },
 "151": {
  "name": "Ada Cole",
  "country": null,
  "since": "2011-04-12",
  "orders": 1,
  "spent_cents": 50,
  "notes": [
   "likes blue\n##\ncalled twice"
  ],
  "merged": [
   309,
   628
  ]
 },
 "318": {
  "name": "Chen Holm",
  "country": "GB",
  "since": "2010-06-08",
  "orders": 1,
  "spent_cents": 2000,
  "notes": [],
  "merged": []
 },
 "102": {
  "name": "Ada Ash",
  "country": "US",
  "since": "2019-12-06",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": [
   804
  ]
 },
 "748": {
  "name": "Ada Gray",
  "country": "GB",
  "since": "2012-07-01",
  "orders": 5,
  "spent_cents": 16550,
  "notes": [],
  "merged": [
   196
  ]
 },
 "76": {
  "name": "Lea Cole",
  "country": null,
  "since": "2021-04-21",
  "orders": 1,
  "spent_cents": 1950,
  "notes": [],
  "merged": []
 },
 "701": {
  "name": "Fay Ash",
  "country": null,
  "since": "2010-05-31",
  "orders": 4,
  "spent_cents": 10950,
  "notes": [
   "pays late",
   "likes blue\n##\nwants no mail"
  ],
  "merged": [
   295
  ]
 },
 "339": {
  "name": "Kim Ito",
  "country": null,
  "since": "2009-04-28",
  "orders": 1,
  "spent_cents": 200,
  "notes": [],
  "merged": [
   867
  ]
 },
 "484": {
  "name": "Jun Kern \"K\"",
  "country": "FR",
  "since": "2011-03-13",
  "orders": 2,
  "spent_cents": 5100,
  "notes": [],
  "merged": []
 },
 "574": {
  "name": "Chen Berg",
  "country": "GB",
  "since": "2015-10-14",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "104": {
  "name": "Ada Eck",
  "country": null,
  "since": "2017-11-24",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "363": {
  "name": "Kim Ito",
  "country": "GB",
  "since": "2011-08-07",
  "orders": 4,
  "spent_cents": 14250,
  "notes": [],
  "merged": []
 },
 "324": {
  "name": "Eve Ito",
  "country": "FR",
  "since": "2009-11-30",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "626": {
  "name": "Lea Lund",
  "country": "US",
  "since": "2017-03-25",
  "orders": 2,
  "spent_cents": 5100,
  "notes": [
   "likes blue"
  ],
  "merged": []
 },
 "656": {
  "name": "Hana Kern \"K\"",
  "country": null,
  "since": "2020-02-03",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "210": {
  "name": "Dov Gray",
  "country": "US",
  "since": "2017-05-10",
  "orders": 3,
  "spent_cents": 4850,
  "notes": [],
  "merged": []
 },
 "566": {
  "name": "Chen Eck",
  "country": "DE",
  "since": "2011-07-31",
  "orders": 5,
  "spent_cents": 13550,
  "notes": [
   "moved house\n\nlikes blue"
  ],
  "merged": [
   267
  ]
 },
 "887": {
  "name": "Bo Fox",
  "country": "GB",
  "since": "2016-07-27",
  "orders": 1,
  "spent_cents": 2000,
  "notes": [],
  "merged": []
 },
 "454": {
  "name": "Chen Cole",
  "country": "DE",
  "since": "2009-10-20",
  "orders": 2,
  "spent_cents": 6750,
  "notes": [],
  "merged": []
 },
 "534": {
  "name": "Ivo Cole",
  "country": "GB",
  "since": "2012-12-28",
  "orders": 4,
  "spent_cents": 9200,
  "notes": [],
  "merged": [
   825,
   898
  ]
 },
 "64": {
  "name": "Bo Eck",
  "country": "US",
  "since": "2011-07-10",
  "orders": 6,
  "spent_cents": 14350,
  "notes": [],
  "merged": [
   134,
   298
  ]
 },
 "562": {
  "name": "Fay Berg",
  "country": "GB",
  "since": "2019-10-17",
  "orders": 4,
  "spent_cents": 14200,
  "notes": [],
  "merged": []
 },
 "15": {
  "name": "Gil Ash",
  "country": null,
  "since": "2011-08-09",
  "orders": 1,
  "spent_cents": 1600,
  "notes": [
   "called twice"
  ],
  "merged": []
 },
 "737": {
  "name": "Bo Berg",
  "country": "GB",
  "since": "2021-08-30",
  "orders": 2,
  "spent_cents": 5400,
  "notes": [
   "wants no mail",
   "pays late"
  ],
  "merged": []
 },
 "409": {
  "name": "Ada Gray",
  "country": null,
  "since": "2013-06-11",
  "orders": 2,
  "spent_cents": 5800,
  "notes": [
   "moved house\n\nwants no mail",
   "wants no mail\n##\ncalled twice"
  ],
  "merged": [
   696
  ]
 },
 "728": {
  "name": "Ivo Eck",
  "country": "GB",
  "since": "2011-03-15",
  "orders": 1,
  "spent_cents": 2250,
  "notes": [],
  "merged": []
 },
 "685": {
  "name": "Eve Jansen; Sons",
  "country": "GB",
  "since": "2010-11-17",
  "orders": 1,
  "spent_cents": 4450,
  "notes": [
   "asks for an invoice\n\nmoved house"
  ],
  "merged": []
 },
 "641": {
  "name": "Bo Berg",
  "country": "FR",
  "since": "2018-09-03",
  "orders": 1,
  "spent_cents": 2550,
  "notes": [],
  "merged": []
 },
 "2": {
  "name": "Kim Diaz",
  "country": "US",
  "since": "2009-08-15",
  "orders": 3,
  "spent_cents": 9600,
  "notes": [
   "wants no mail\n##\ncalled twice"
  ],
  "merged": []
 },
 "627": {
  "name": "Dov Kern \"K\"",
  "country": "GB",
  "since": "2020-02-25",
  "orders": 1,
  "spent_cents": 1000,
  "notes": [],
  "merged": []
 },
 "506": {
  "name": "Bo Diaz",
  "country": "US",
  "since": "2013-11-04",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "342": {
  "name": "Chen Berg",
  "country": "GB",
  "since": "2017-06-24",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "250": {
  "name": "Gil Kern \"K\"",
  "country": "FR",
  "since": "2019-12-11",
  "orders": 2,
  "spent_cents": 2800,
  "notes": [],
  "merged": []
 },
 "721": {
  "name": "Lea Lund",
  "country": "DE",
  "since": "2013-11-28",
  "orders": 1,
  "spent_cents": 550,
  "notes": [],
  "merged": []
 },
 "65": {
  "name": "Chen Eck",
  "country": "DE",
  "since": "2016-03-21",
  "orders": 2,
  "spent_cents": 4550,
  "notes": [],
  "merged": [
   820
  ]
 },
 "582": {
  "name": "Ivo Ash",
  "country": "DE",
  "since": "2019-07-21",
  "orders": 1,
  "spent_cents": 50,
  "notes": [],
  "merged": []
 },
 "228": {
  "name": "Eve Ash",
  "country": "FR",
  "since": "2014-01-18",
  "orders": 1,
  "spent_cents": 1550,
  "notes": [
   "pays late\n\nmoved house"
  ],
  "merged": []
 },
 "245": {
  "name": "Kim Holm",
  "country": "FR",
  "since": "2016-06-01",
  "orders": 2,
  "spent_cents": 4500,
  "notes": [
   "asks for an invoice"
  ],
  "merged": []
 },
 "146": {
  "name": "Jun Berg",
  "country": null,
  "since": "2011-01-13",
  "orders": 2,
  "spent_cents": 7400,
  "notes": [],
  "merged": []
 },
 "848": {
  "name": "Ivo Jansen; Sons",
  "country": "FR",
  "since": "2018-07-25",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "94": {
  "name": "Hana Eck",
  "country": "GB",
  "since": "2014-09-16",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "moved house\n\ncalled twice"
  ],
  "merged": []
 },
 "83": {
  "name": "Ada Cole",
  "country": "GB",
  "since": "2018-02-25",
  "orders": 1,
  "spent_cents": 4500,
  "notes": [
   "called twice"
  ],
  "merged": []
 },
 "328": {
  "name": "Lea Fox",
  "country": "FR",
  "since": "2011-11-10",
  "orders": 2,
  "spent_cents": 4650,
  "notes": [],
  "merged": []
 },
 "521": {
  "name": "Chen Holm",
  "country": "GB",
  "since": "2009-10-22",
  "orders": 1,
  "spent_cents": 200,
  "notes": [],
  "merged": []
 },
 "112": {
  "name": "Gil Holm",
  "country": "US",
  "since": "2009-10-16",
  "orders": 1,
  "spent_cents": 2600,
  "notes": [],
  "merged": []
 },
 "565": {
  "name": "Bo Lund",
  "country": null,
  "since": "2009-08-17",
  "orders": 2,
  "spent_cents": 5150,
  "notes": [],
  "merged": [
   189
  ]
 },
 "299": {
  "name": "Hana Berg",
  "country": "FR",
  "since": "2016-10-10",
  "orders": 1,
  "spent_cents": 4800,
  "notes": [],
  "merged": []
 },
 "128": {
  "name": "Jun Eck",
  "country": null,
  "since": "2011-10-16",
  "orders": 2,
  "spent_cents": 6650,
  "notes": [],
  "merged": []
 },
 "561": {
  "name": "Kim Berg",
  "country": "GB",
  "since": "2017-09-11",
  "orders": 2,
  "spent_cents": 8000,
  "notes": [],
  "merged": []
 },
 "341": {
  "name": "Hana Fox",
  "country": "DE",
  "since": "2013-03-30",
  "orders": 2,
  "spent_cents": 7400,
  "notes": [],
  "merged": []
 },
 "554": {
  "name": "Bo Ash",
  "country": "GB",
  "since": "2019-03-21",
  "orders": 4,
  "spent_cents": 8500,
  "notes": [],
  "merged": []
 },
 "209": {
  "name": "Ivo Kern \"K\"",
  "country": "GB",
  "since": "2019-11-27",
  "orders": 1,
  "spent_cents": 2450,
  "notes": [],
  "merged": []
 },
 "618": {
  "name": "Bo Kern \"K\"",
  "country": "FR",
  "since": "2021-10-29",
  "orders": 2,
  "spent_cents": 6350,
  "notes": [],
  "merged": []
 },
 "809": {
  "name": "Eve Berg",
  "country": "GB",
  "since": "2020-09-30",
  "orders": 2,
  "spent_cents": 1400,
  "notes": [
   "pays late"
  ],
  "merged": []
 },
 "602": {
  "name": "Bo Berg",
  "country": "US",
  "since": "2018-07-22",
  "orders": 2,
  "spent_cents": 4900,
  "notes": [],
  "merged": []
 },
 "456": {
  "name": "Gil Ash",
  "country": "GB",
  "since": "2019-01-08",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "611": {
  "name": "Ada Fox",
  "country": "GB",
  "since": "2011-09-22",
  "orders": 1,
  "spent_cents": 2150,
  "notes": [],
  "merged": []
 },
 "325": {
  "name": "Dov Kern \"K\"",
  "country": "FR",
  "since": "2012-03-19",
  "orders": 1,
  "spent_cents": 200,
  "notes": [],
  "merged": []
 },
 "248": {
  "name": "Chen Cole",
  "country": "US",
  "since": "2009-07-21",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "194": {
  "name": "Fay Cole",
  "country": "US",
  "since": "2015-08-25",
  "orders": 1,
  "spent_cents": 2150,
  "notes": [],
  "merged": []
 },
 "192": {
  "name": "Jun Eck",
  "country": "DE",
  "since": "2010-10-24",
  "orders": 1,
  "spent_cents": 450,
  "notes": [],
  "merged": []
 },
 "34": {
  "name": "Dov Fox",
  "country": "FR",
  "since": "2017-06-13",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "673": {
  "name": "Ada Gray",
  "country": "FR",
  "since": "2010-01-14",
  "orders": 3,
  "spent_cents": 9350,
  "notes": [],
  "merged": []
 },
 "889": {
  "name": "Eve Ito",
  "country": "FR",
  "since": "2010-08-23",
  "orders": 0,
  "spent_cents": 0,
  "notes": [],
  "merged": []
 },
 "488": {
  "name": "Eve Kern \"K\"",
  "country": "US",
  "since": "2012-03-11",
  "orders": 4,
  "spent_cents": 5650,
  "notes": [
   "moved house\n\nwants no mail",
   "called twice"
  ],
  "merged": [
   92
  ]
 },
 "71": {
  "name": "Kim Fox",
  "country": "FR",
  "since": "2010-11-24",
  "orders": 3,
  "spent_cents": 6450,
  "notes": [
   "moved house\n\nlikes blue"
  ],
  "merged": []
 },
 "776": {
  "name": "Eve Berg",
  "country": "FR",
  "since": "2011-01-16",
  "orders": 2,
  "spent_cents": 4600,
  "notes": [],
  "merged": []
 },
 "154": {
  "name": "Chen Diaz",
  "country": "GB",
  "since": "2013-02-27",
  "orders": 0,
  "spent_cents": 0,
  "notes": [
   "wants no mail\n##\nasks for an invoice"
  ],
  "merged": []
 }
}
END
