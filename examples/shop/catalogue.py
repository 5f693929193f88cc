"""What Forno sells. Prices are in cents."""

from attrs import frozen

__all__ = ["BY_NAME", "EXTRAS", "MENU", "PIZZAS", "Product"]


@frozen
class Product:
    """Something on the menu."""

    sku: str
    name: str
    cents: int
    text: str
    #: What a pizza is drawn with, as names of symbols in `templates/drawings.html`; an extra has
    #: none.
    toppings: tuple[str, ...] = ()
    sauce: str = "tomato"
    hot: bool = False
    green: bool = False

    @property
    def kind(self) -> str:
        """A pizza, or an extra."""
        return "pizza" if self.toppings else "extra"


_PRODUCTS = (
    Product(
        "margherita",
        "Margherita",
        950,
        "San Marzano tomato, mozzarella, basil. Nothing to hide behind.",
        ("mozzarella", "basil"),
        green=True,
    ),
    Product(
        "diavola",
        "Diavola",
        1190,
        "Spicy salami, fresh chilli, a thread of honey to make peace.",
        ("salami", "salami", "chilli"),
        hot=True,
    ),
    Product(
        "hawaiian",
        "Hawaiian",
        1150,
        "Roast pineapple and cooked ham. We do not take sides.",
        ("ham", "pineapple"),
    ),
    Product(
        "funghi",
        "Funghi",
        1120,
        "Three kinds of mushroom on cream, thyme, black pepper.",
        ("mushroom", "mushroom", "rocket"),
        sauce="cream",
        green=True,
    ),
    Product(
        "capricciosa",
        "Capricciosa",
        1250,
        "Ham, mushrooms, artichokes and olives: the whole of Sunday.",
        ("ham", "mushroom", "artichoke", "olive"),
    ),
    Product(
        "ortolana",
        "Ortolana",
        1140,
        "Peppers, red onion and olives, grilled until they are sweet.",
        ("pepper", "onion", "olive"),
        green=True,
    ),
    Product(
        "napoli",
        "Napoli",
        1090,
        "Anchovies, capers, oregano. Small, salty, and very sure of itself.",
        ("anchovy", "caper", "olive", "caper"),
    ),
    Product(
        "prosciutto",
        "Prosciutto",
        1350,
        "Parma ham laid on after the fire, rocket, shaved parmesan.",
        ("prosciutto", "rocket", "parmesan"),
        sauce="cream",
    ),
    Product(
        "verde",
        "Verde",
        1180,
        "Basil pesto, courgette, mozzarella and a great deal of green.",
        ("courgette", "mozzarella", "basil"),
        sauce="pesto",
        green=True,
    ),
    Product("lemonade", "Lemonade", 380, "Amalfi lemons and mint, half a litre."),
    Product("garlic_bread", "Garlic bread", 450, "From the same dough and the same fire."),
    Product("tiramisu", "Tiramisù", 520, "Made at noon, with coffee of our own roast."),
)

MENU = {product.sku: product for product in _PRODUCTS}
BY_NAME = {product.name: product for product in _PRODUCTS}
PIZZAS = tuple(product for product in _PRODUCTS if product.kind == "pizza")
EXTRAS = tuple(product for product in _PRODUCTS if product.kind == "extra")
