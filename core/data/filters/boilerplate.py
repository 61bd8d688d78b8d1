"""Lines that web pages put around a text: cookie notices, policies, copyright, navigation, calls to subscribe."""

import re

from core.data.filters.verdict import Draft, Filter, Reason
from core.spec.rules.keywords import Boilerplate

# Anywhere in a line, in lower case. The policy phrases are C4's (Raffel et al. 2020, arXiv:1910.10683).
POLICIES = (
    "terms of use", "terms of service", "terms and conditions", "privacy policy", "privacy notice", "cookie policy",
    "uses cookies", "use of cookies", "use cookies", "accept cookies", "accept all cookies", "cookie settings",
    "cookie preferences", "all rights reserved", "enable javascript", "javascript is disabled",
    "your browser does not support", "lorem ipsum", "unsubscribe at any time", "by continuing to browse",
    "by using this site", "by clicking", "gdpr", "do not sell my", "隐私政策", "隐私声明", "隐私权政策", "使用条款",
    "服务条款", "用户协议", "版权所有", "保留所有权利", "未经授权", "未经许可", "不得转载", "转载请注明", "京icp",
    "沪icp", "粤icp", "浙icp", "icp备", "icp证", "公网安备", "增值电信业务", "广播电视节目制作经营许可证",
    "网络文化经营许可证", "违法和不良信息举报", "使用cookie", "隱私政策", "服務條款", "版權所有", "著作權所有",
)  # fmt: skip
# In a short line only: these words have honest uses in a sentence.
CALLS = (
    "subscribe to our", "subscribe now", "sign up for our", "sign up to our", "sign up now", "sign up for free",
    "join our newsletter", "our newsletter", "follow us on", "like us on", "share on facebook", "share on twitter",
    "share on linkedin", "share this", "share via", "tweet this", "pin it", "click here", "read more", "learn more",
    "continue reading", "skip to content", "skip to main", "back to top", "jump to navigation", "powered by",
    "designed by", "proudly powered", "leave a comment", "leave a reply", "post a comment", "log in to", "login to",
    "related posts", "related articles", "you may also like", "recommended for you", "previous post", "next post",
    "posted in", "posted by", "filed under", "tagged with", "add to cart", "free shipping", "view all posts",
    "copyright ©", "copyright (c)", "© 20", "©20", "© 19", "download our app", "get the app", "rss feed", "site map",
    "print this page", "email this", "report abuse", "advertisement", "sponsored content", "loading...", "关注我们",
    "扫码关注", "扫一扫", "关注公众号", "微信公众号", "长按识别", "点击这里", "点击查看", "点击阅读", "阅读更多",
    "阅读全文", "查看更多", "展开全文", "返回顶部", "返回首页", "上一篇", "下一篇", "相关阅读", "相关文章",
    "相关推荐", "推荐阅读", "热门推荐", "猜你喜欢", "分享到", "我要评论", "发表评论", "条评论", "登录后", "立即注册",
    "免费注册", "立即下载", "下载app", "客户端下载", "责任编辑", "联系我们", "关于我们", "友情链接", "网站地图",
    "加入收藏", "设为首页", "技术支持", "举报电话", "广告服务", "来源：", "字号：", "打印本页", "關注我們",
    "閱讀更多", "返回頂部", "上一頁", "下一頁",
)  # fmt: skip
# A line that is nothing else.
WHOLE = frozenset((
    "home", "about", "about us", "contact", "contact us", "menu", "search", "login", "log in", "sign in", "sign up",
    "register", "logout", "log out", "faq", "help", "sitemap", "blog", "news", "shop", "cart", "checkout",
    "my account", "share", "tweet", "print", "email", "reply", "comments", "tags", "categories", "archives", "next",
    "previous", "prev", "top", "close", "submit", "more", "subscribe", "newsletter", "facebook", "twitter",
    "instagram", "youtube", "linkedin", "pinterest", "privacy", "terms", "cookies", "legal", "imprint", "disclaimer",
    "advertise", "careers", "navigation", "toggle navigation", "main menu", "skip navigation", "no comments", "ok",
    "accept", "got it", "首页", "登录", "注册", "退出", "搜索", "菜单", "导航", "帮助", "反馈", "收藏", "分享",
    "打印", "评论", "上一页", "下一页", "更多", "关闭", "提交", "取消", "确定", "返回", "目录", "标签", "分类",
    "购物车", "我的账户", "个人中心", "设置", "广告", "首頁", "登入", "註冊", "搜尋",
))  # fmt: skip
_SHORT, _CHINESE_SHORT, _LONGEST = 100, 40, 600  # characters of a line
_LONGEST_WHOLE = 32  # and of one that is nothing but a usual word, with what is put around it
_SIGNS = re.compile(r"[|›»·•>/\\\t]|   ")
_BETWEEN = re.compile(r"\s*(?:[|›»·•>/\\]|\s[–—-]\s|&raquo;|\t| {3,})\s*")
_LEAST_ITEMS, _ITEM_WORDS = 3, 3  # "Home | About us | Contact" is navigation


def boilerplate(rule: Boilerplate, _workspace=None) -> Filter:

    def judge(draft: Draft) -> Reason | None:
        lines = draft.text.split("\n")
        # One look at the whole text first: most hold no phrase at all, and their lines need no second one.
        phrases = phrases_in(draft.text.lower())
        only_short = not any(phrases) and not _SIGNS.search(draft.text)
        marked = [(not only_short or len(line) <= _LONGEST_WHOLE) and is_boilerplate(line, phrases) for line in lines]
        length = sum(len(line) for line, found in zip(lines, marked, strict=True) if found)
        share = length / max(len(draft.text), 1)
        draft.measures["boilerplate.share"] = share
        if share > rule.share:
            first = next(line for line, found in zip(lines, marked, strict=True) if found)
            return Reason(
                "boilerplate", "{share:.1%} of its characters are in boilerplate lines, such as “{line}”; at most "
                "{limit:.1%} are allowed.", {"share": round(share, 5), "line": first.strip()[:80], "limit": rule.share},
                "share", share, rule.share)  # fmt: skip
        if rule.cut and any(marked):
            draft.text = "\n".join(line for line, found in zip(lines, marked, strict=True) if not found)
        return None

    return judge


def phrases_in(lowered: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (tuple(phrase for phrase in POLICIES if phrase in lowered),
            tuple(phrase for phrase in CALLS if phrase in lowered))  # fmt: skip


def is_boilerplate(line: str, phrases: tuple[tuple[str, ...], tuple[str, ...]] = (POLICIES, CALLS)) -> bool:
    length = len(line)
    if not length or length > _LONGEST or line.isspace():
        return False
    if length > _SHORT and not phrases[0]:
        return False
    lowered = line.lower()
    if phrases[0] and any(phrase in lowered for phrase in phrases[0]):
        return True
    if length > _SHORT:
        return False
    if length <= _LONGEST_WHOLE and lowered.strip(" \t#*-–—>|•·[]()【】:：").strip() in WHOLE:
        return True
    if length > _CHINESE_SHORT and line[length // 2] >= "\u2e80":
        return False
    return bool(phrases[1]) and any(phrase in lowered for phrase in phrases[1]) or _is_navigation(line)


def _is_navigation(line: str) -> bool:
    if not _SIGNS.search(line):
        return False
    items = [item.strip().lower() for item in _BETWEEN.split(line) if item.strip()]
    if len(items) < _LEAST_ITEMS or any(len(item.split()) > _ITEM_WORDS or len(item) > 24 for item in items):
        return False
    return any(item in WHOLE for item in items)
