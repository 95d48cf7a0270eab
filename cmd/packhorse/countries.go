package main

import (
	"slices"
	"strings"
)

// country is one whose radio rules are those of a region of our table. Code is of ISO 3166-1, for Wi-Fi.
type country struct{ code, name, region string }

// countries of regions in which something may be sent, by name. EU868 is for those that the harmonised rules bind (Commission
// Implementing Decision 2006/771/EC as amended: EU and EEA), and for Switzerland and the United Kingdom, which follow
// ERC Recommendation 70-03. Whether a rule is in force where the box stands is for its owner to know.
var countries = []country{
	{"AU", "Australia", "AU915"}, {"AT", "Austria", "EU868"}, {"BE", "Belgium", "EU868"}, {"BG", "Bulgaria", "EU868"},
	{"HR", "Croatia", "EU868"}, {"CY", "Cyprus", "EU868"}, {"CZ", "Czechia", "EU868"}, {"DK", "Denmark", "EU868"},
	{"EE", "Estonia", "EU868"}, {"FI", "Finland", "EU868"}, {"FR", "France", "EU868"}, {"DE", "Germany", "EU868"},
	{"GR", "Greece", "EU868"}, {"HU", "Hungary", "EU868"}, {"IS", "Iceland", "EU868"}, {"IE", "Ireland", "EU868"},
	{"IT", "Italy", "EU868"}, {"JP", "Japan", "JP920"}, {"KR", "Korea, South", "KR920"}, {"LV", "Latvia", "EU868"},
	{"LI", "Liechtenstein", "EU868"}, {"LT", "Lithuania", "EU868"}, {"LU", "Luxembourg", "EU868"}, {"MT", "Malta", "EU868"},
	{"NL", "Netherlands", "EU868"}, {"NZ", "New Zealand", "NZ915"}, {"NO", "Norway", "EU868"}, {"PL", "Poland", "EU868"},
	{"PT", "Portugal", "EU868"}, {"RO", "Romania", "EU868"}, {"RU", "Russia", "RU864"}, {"SK", "Slovakia", "EU868"},
	{"SI", "Slovenia", "EU868"}, {"ES", "Spain", "EU868"}, {"SE", "Sweden", "EU868"}, {"CH", "Switzerland", "EU868"},
	{"GB", "United Kingdom", "EU868"}, {"US", "United States", "US915"},
}

// alone are the regions of our table that are one country, closed ones too: Wi-Fi is another matter there.
var alone = map[string]string{"AU915": "AU", "CN470": "CN", "IN865": "IN", "JP920": "JP", "KR920": "KR", "MY919": "MY", "NZ865": "NZ", "NZ915": "NZ",
	"PH915": "PH", "RU864": "RU", "SG923": "SG", "TH920": "TH", "TW920": "TW", "US915": "US"}

// regionsOf finds what a person may mean by the name of a country, its code, or the beginning of its name.
func regionsOf(text string) []country {
	text = strings.TrimSpace(text)
	var out []country
	for _, c := range countries {
		if strings.EqualFold(c.code, text) || strings.EqualFold(c.name, text) {
			return []country{c}
		}
		if len(text) > 2 && len(c.name) >= len(text) && strings.EqualFold(c.name[:len(text)], text) {
			out = append(out, c)
		}
	}
	return out
}

// countriesIn are the names of the countries of a region.
func countriesIn(region string) (names []string) {
	for _, c := range countries {
		if c.region == region {
			names = append(names, c.name)
		}
	}
	slices.Sort(names)
	return names
}
