"""Legends of class maps: values, names and colours, as the pages of the Earth Engine Data Catalog tell them."""

from __future__ import annotations

from orchestrator.recipes.presets.preset import ClassValue


def _legend(text: str) -> tuple[ClassValue, ...]:
    """Read a line for each class: value, colour, name."""
    rows = (line.split(maxsplit=2) for line in text.strip().splitlines())
    return tuple(ClassValue(int(value), name, colour) for value, colour, name in rows)


# Land cover of ESA WorldCover.
WORLDCOVER = _legend("""
10 006400 Tree cover
20 ffbb22 Shrubland
30 ffff4c Grassland
40 f096ff Cropland
50 fa0000 Built-up
60 b4b4b4 Bare / sparse vegetation
70 f0f0f0 Snow and ice
80 0064c8 Permanent water bodies
90 0096a0 Herbaceous wetland
95 00cf75 Mangroves
100 fae6a0 Moss and lichen
""")

# Land cover and crops of the Annual Crop Inventory of Canada.
CANADIAN_CROPS = _legend("""
10 000000 Cloud
20 3333ff Water
30 996666 Exposed Land and Barren
34 cc6699 Urban and Developed
35 e1e1e1 Greenhouses
50 ffff00 Shrubland
80 993399 Wetland
85 501b50 Peatland
110 cccc00 Grassland
120 cc6600 Agriculture (undifferentiated)
122 ffcc33 Pasture and Forages
130 7899f6 Too Wet to be Seeded
131 ff9900 Fallow
132 660000 Cereals
133 dae31d Barley
134 d6cc00 Other Grains
135 d2db25 Millet
136 d1d52b Oats
137 cace32 Rye
138 c3c63a Spelt
139 b9bc44 Triticale
140 a7b34d Wheat
141 b9c64e Switchgrass
142 999900 Sorghum
143 e9e2b1 Quinoa
145 92a55b Winter Wheat
146 809769 Spring Wheat
147 ffff99 Corn
148 98887c Tobacco
149 799b93 Ginseng
150 5ea263 Oilseeds
151 52ae77 Borage
152 41bf7a Camelina
153 d6ff70 Canola and Rapeseed
154 8c8cff Flaxseed
155 d6cc00 Mustard
156 ff7f00 Safflower
157 315491 Sunflower
158 cc9933 Soybeans
160 896e43 Pulses
161 996633 Other Pulses
162 8f6c3d Peas
163 b6a472 Chickpeas
167 82654a Beans
168 a39069 Fababeans
174 b85900 Lentils
175 b74b15 Vegetables
176 ff8a8a Tomatoes
177 ffcccc Potatoes
178 6f55ca Sugarbeets
179 ffccff Other Vegetables
180 dc5424 Fruits
181 d05a30 Berries
182 d20000 Blueberry
183 cc0000 Cranberry
185 dc3200 Other Berry
188 ff6666 Orchards
189 c5453b Other Fruits
190 7442bd Vineyards
191 ffcccc Hops
192 b5fb05 Sod
193 ccff05 Herbs
194 07f98c Nursery
195 00ffcc Buckwheat
196 cc33cc Canaryseed
197 8e7672 Hemp
198 b1954f Vetch
199 749a66 Other Crops
200 009900 Forest (undifferentiated)
210 006600 Coniferous
220 00cc00 Broadleaf
230 cc9900 Mixedwood
""")

# Landforms of the Ecologically Relevant Geomorphology.
LANDFORMS = _legend("""
11 141414 Peak/ridge (warm)
12 383838 Peak/ridge
13 808080 Peak/ridge (cool)
14 ebeb8f Mountain/divide
15 f7d311 Cliff
21 aa0000 Upper slope (warm)
22 d89382 Upper slope
23 ddc9c9 Upper slope (cool)
24 dccdce Upper slope (flat)
31 1c6330 Lower slope (warm)
32 68aa63 Lower slope
33 b5c98e Lower slope (cool)
34 e1f0e5 Lower slope (flat)
41 a975ba Valley
42 6f198c Valley (narrow)
""")
