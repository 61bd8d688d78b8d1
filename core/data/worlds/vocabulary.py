"""The words that tasks are made of, in English and Chinese."""

NAMES = {
    "english": "Ada Ben Cora Dan Ella Finn Gwen Hugo Iris Jack Kim Leo Mia Noah Olga Paul Quinn Rosa Sam Tess "
               "Uma Vera Will Xena Yuri Zoe Alan Bella Carl Dora Eric Fay".split(),
    "chinese": "小明 小红 小刚 小丽 小军 小芳 小强 小燕 小龙 小玲 小虎 小雪 小东 小梅 小林 小兰 小宇 小雨 小杰 "
               "小倩 阿宝 阿福 阿珍 阿强 阿花 阿水 阿木 阿金 阿土 阿星 阿月 阿云".split(),
}  # fmt: skip
WORDS = {
    "english": "apple bridge candle desert engine forest garden hammer island jacket kettle ladder market "
               "needle orange pencil quarter river silver ticket umbra valley window yellow zebra anchor "
               "basket copper dragon eagle feather ginger harbor insect jungle kitten lemon mirror noodle "
               "ocean pepper queen ribbon shadow tunnel uncle violet winter yogurt bottle castle doctor elbow "
               "flower guitar helmet iron jelly knight lantern magnet night oyster planet".split(),
    "chinese": "苹果 桥梁 蜡烛 沙漠 引擎 森林 花园 铁锤 海岛 夹克 水壶 梯子 市场 细针 橙子 铅笔 季节 河流 白银 "
               "车票 雨伞 山谷 窗户 黄色 斑马 船锚 篮子 红铜 飞龙 老鹰 羽毛 生姜 港口 昆虫 丛林 小猫 柠檬 镜子 "
               "面条 大洋 胡椒 女王 丝带 影子 隧道 叔叔 紫罗兰 冬天 酸奶 瓶子 城堡 医生 手肘 鲜花 吉他 头盔 "
               "钢铁 果冻 骑士 灯笼 磁石 夜晚 牡蛎 行星".split(),
}  # fmt: skip
# Letters of each word differ, and no two words are made of the same letters.
SCRAMBLED = {
    "english": "sun key map box jar pig fog ink wolf lamp bird fish gold milk camp desk jump frog hand vine "
               "bread cloud flute house knife light mouse plant snake table train chair bridge castle forest "
               "garden hamlet island jacket market monkey orange pencil planet silver thread blanket chapter "
               "dolphin factory journey kingdom monster picture problem thunder harvest cabinet daughter "
               "keyboard sandwich triangle".split(),
    "chinese": "山清水秀 鸟语花香 春暖花开 风和日丽 画龙点睛 守株待兔 亡羊补牢 刻舟求剑 对牛弹琴 掩耳盗铃 "
               "叶公好龙 井底之蛙 狐假虎威 杯弓蛇影 愚公移山 精卫填海 夸父追日 女娲补天 闻鸡起舞 卧薪尝胆 "
               "破釜沉舟 纸上谈兵 负荆请罪 完璧归赵 三顾茅庐 草船借箭 望梅止渴 指鹿为马 滥竽充数 买椟还珠 "
               "拔苗助长 画蛇添足 塞翁失马 水落石出 雪中送炭 锦上添花 一帆风顺 万象更新 四海为家 五谷丰登 "
               "六神无主 七手八脚 九牛一毛".split(),
}  # fmt: skip

# (one, several) in English; in Chinese the word and its counter.
FRUITS = {
    "english": [("apple", "apples"), ("pear", "pears"), ("plum", "plums"), ("lemon", "lemons"),
                ("banana", "bananas"), ("melon", "melons"), ("orange", "oranges"), ("fig", "figs")],
    "chinese": [("苹果", "个"), ("梨", "个"), ("李子", "个"), ("柠檬", "个"), ("香蕉", "根"),
                ("甜瓜", "个"), ("橙子", "个"), ("葡萄", "颗")],
}  # fmt: skip
ANIMALS = {
    "english": [("dog", "dogs"), ("cat", "cats"), ("horse", "horses"), ("cow", "cows"), ("duck", "ducks"),
                ("goat", "goats"), ("rabbit", "rabbits"), ("frog", "frogs")],
    "chinese": [("狗", "条"), ("猫", "只"), ("马", "匹"), ("牛", "头"), ("鸭子", "只"), ("山羊", "只"), ("兔子", "只"),
                ("青蛙", "只")],
}  # fmt: skip


def chinese_numeral(number: int) -> str:
    """1 to 99 in Chinese characters."""
    digits = "零一二三四五六七八九"
    tens, ones = divmod(number, 10)
    return (digits[tens] if tens > 1 else "") + ("十" if tens else "") + (digits[ones] if ones or not tens else "")
